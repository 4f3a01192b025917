import Glibc

/// A process that does what it is told, with the same provider. It ends with this one.
final class PeerProcess {
  private let process: ChildProcess
  private let calls: Int32
  private let answers: LineSource
  private var isGone = false

  /// How long it may take to answer.
  private let milliseconds: Int

  var pid: pid_t { process.pid }

  init(path: String, milliseconds: Int) throws(Failure) {
    self.milliseconds = milliseconds
    guard let input = Pipe(), let output = Pipe(),
      let process = ChildProcess.start(
        ConformanceRun.arguments(role: ConformanceRun.peerRole, path: path),
        descriptors: [input.reading, STDERR_FILENO, STDERR_FILENO, output.writing],
        ownGroup: false)
    else { throw .notApplicable("no further process can be started on this machine") }
    close(input.reading)
    close(output.writing)
    self.process = process
    calls = input.writing
    answers = LineSource(output.reading)
  }

  deinit {
    close(calls)
    if isGone { return }
    kill(process.pid, SIGKILL)
    _ = process.wait()
  }

  func tell(_ call: Call) { writeText(call.line + "\n", to: calls) }

  func answer(to call: Call) throws(Failure) -> Reply {
    switch answers.next(milliseconds: milliseconds) {
    case .line(let line):
      let outcome = Outcome(line: line)
      if case .reply(let reply) = outcome { return reply }
      if case .failure(let failure) = outcome { throw failure }
      throw .violated(expected: "a peer that answers", actual: line)
    case .ended:
      isGone = true
      throw .violated(
        expected: "the peer process to survive '\(call.verb.rawValue)'",
        actual: ChildProcess.ending(process.wait()))
    case .tooLate:
      throw .violated(
        expected: "the peer process to come back from '\(call.verb.rawValue)'",
        actual: "it has not for \(milliseconds / 1000) seconds")
    }
  }

  /// What the peer's process does: each line of standard input is a call, each answer a line.
  static func serve(_ provider: ProviderUnderTest, answers descriptor: Int32) {
    let actor = Actor(provider)
    while let line = readLine() {
      guard let call = Call(line: line) else { continue }
      let outcome: Outcome
      do throws(Failure) {
        outcome = .reply(try actor.perform(call))
      } catch {
        outcome = .failure(error)
      }
      writeText(outcome.line + "\n", to: descriptor)
    }
  }
}
