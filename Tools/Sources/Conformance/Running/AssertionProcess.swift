import CConformance
import Glibc

/// A process in which one assertion is put.
///
/// It says on descriptor 3 what it does next, a line each, and at the end its verdict.
struct AssertionProcess {
  static let resultDescriptor: Int32 = 3
  private let assertion: Assertion
  private let path: String
  private let patience: Int

  init(_ assertion: Assertion, path: String, patience: Int) {
    (self.assertion, self.path, self.patience) = (assertion, path, patience)
  }

  /// Starts the process and waits for its verdict.
  func verdict() -> Verdict {
    let milliseconds = assertion.seconds * 1000 * patience
    let errors = CConformance_make_memory_file()
    let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer {
      close(errors)
      close(nothing)
    }
    guard let results = Pipe() else { return .notApplicable(reason: "no pipe on this machine") }
    let process = ChildProcess.start(
      ConformanceRun.arguments(role: assertion.id, path: path, patience: patience),
      descriptors: [nothing, errors, errors, results.writing], ownGroup: true)
    close(results.writing)
    let lines = LineSource(results.reading)
    guard let process else { return .notApplicable(reason: "no further process can be started") }
    let (verdict, isOver, step) = Self.follow(lines, milliseconds: milliseconds)
    // Its peers, too; where it has ended by itself they end with it.
    if !isOver || verdict != nil { process.killGroup() }
    let status = process.wait()
    if let verdict { return verdict }
    let actual =
      isOver
      ? ChildProcess.ending(status) : "it does not come back within \(milliseconds / 1000) seconds"
    return .failed(
      expected: "a provider that goes on",
      actual: "\(actual), in: \(step)\(Self.lastLine(of: errors))")
  }

  /// Reads until the verdict, the end, or the deadline; and what was done last.
  private static func follow(
    _ lines: LineSource, milliseconds: Int
  ) -> (verdict: Verdict?, isOver: Bool, step: String) {
    let watch = Stopwatch()
    var step = "loading"
    while true {
      switch lines.next(milliseconds: milliseconds - watch.milliseconds) {
      case .line(let line):
        if let verdict = Verdict(line: line) { return (verdict, false, step) }
        step = line
      case .ended: return (nil, true, step)
      case .tooLate: return (nil, false, step)
      }
    }
  }

  /// What a process that has died said last.
  private static func lastLine(of descriptor: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let length = pread(descriptor, &buffer, buffer.count, 0)
    guard length > 0 else { return "" }
    let lines = buffer[..<length].split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    return lines.last.map { "; it said: \($0.prefix(200))" } ?? ""
  }

  /// In that process: puts the assertion, says the verdict, and ends.
  static func perform(
    _ assertion: Assertion, _ provider: ProviderUnderTest, path: String, patience: Int
  ) -> Never {
    // Before the deadline of this process, so that it can still say so.
    let milliseconds = assertion.seconds * 800 * patience
    let session = Session(provider, path: path, milliseconds: milliseconds) { step in
      writeText(step + "\n", to: resultDescriptor)
    }
    let verdict: Verdict
    do throws(Failure) {
      try assertion.body(session)
      verdict = .passed
    } catch {
      verdict = error.verdict
    }
    writeText(verdict.line + "\n", to: resultDescriptor)
    _exit(0)
  }
}
