import CConformance
import Glibc

/// Puts assertions to a provider, each in a process of its own, one after the other.
///
/// A provider that crashes or hangs fails the assertion it is in; the next one gets a new process.
package struct ConformanceRun: Sendable {
  private let path: String
  private let selection: Selection
  private let patience: Int

  /// - Parameters:
  ///   - path: The provider's library.
  ///   - selection: Which assertions are put.
  ///   - patience: By how much the time is multiplied that a provider gets before it counts as
  ///     hanging: 1, more on a slow machine.
  package init(path: String, selection: Selection, patience: Int = 1) {
    (self.path, self.selection, self.patience) = (path, selection, patience)
  }

  /// Loads the library in a process of its own, as it may have whatever effect.
  ///
  /// - Throws: a line that says why it is no provider.
  package func checkLibrary() throws(LoadingFailure) {
    guard let results = Pipe() else { throw LoadingFailure("no pipe can be made") }
    let process = ChildProcess.start(
      Self.arguments(role: Self.loadingRole, path: path, patience: patience),
      descriptors: [STDIN_FILENO, STDERR_FILENO, STDERR_FILENO, results.writing], ownGroup: true)
    close(results.writing)
    let lines = LineSource(results.reading)
    guard let process else { throw LoadingFailure("no further process can be started") }
    let answer = lines.next(milliseconds: 10_000 * patience)
    if answer == .tooLate { process.killGroup() }
    let status = process.wait()
    switch answer {
    case .line(let line):
      if line != Self.loaded { throw LoadingFailure(line) }
    case .ended:
      throw LoadingFailure("\(path) cannot be loaded: \(ChildProcess.ending(status))")
    case .tooLate:
      throw LoadingFailure("\(path) cannot be loaded: that does not end")
    }
  }

  /// Puts them; `each` is told every result as it comes.
  package func run(_ each: (AssertionResult) -> Void) -> [AssertionResult] {
    selection.ids.compactMap { id in
      guard let assertion = Catalog.assertion(id) else { return nil }
      let watch = Stopwatch()
      let verdict = AssertionProcess(assertion, path: path, patience: patience).verdict()
      let result = AssertionResult(
        id: id, grade: assertion.grade, title: assertion.title, verdict: verdict,
        milliseconds: watch.milliseconds)
      each(result)
      return result
    }
  }

  // MARK: The other processes

  /// Arguments of this program that make it put one assertion, or serve one that does.
  static func arguments(role: String, path: String, patience: Int = 1) -> [String] {
    ["conform", "--role", role, "--patience", "\(patience)", "--", path]
  }
  static let peerRole = "peer"
  private static let loadingRole = "loading"
  /// What the process says that has loaded the library.
  private static let loaded = "loaded"

  /// What a process in a role does; false where there is no such role.
  package static func play(role: String, path: String, patience: Int) -> Bool {
    CConformance_die_with_parent()
    // Whoever we talk to may be gone.
    signal(SIGPIPE, SIG_IGN)
    let provider: ProviderUnderTest
    do throws(LoadingFailure) {
      provider = try ProviderUnderTest(path: path)
    } catch {
      writeText("\(error)\n", to: AssertionProcess.resultDescriptor)
      return role == loadingRole
    }
    if role == loadingRole {
      writeText("\(loaded)\n", to: AssertionProcess.resultDescriptor)
      return true
    }
    if role == peerRole {
      PeerProcess.serve(provider, answers: AssertionProcess.resultDescriptor)
      return true
    }
    guard let assertion = Catalog.assertion(role) else { return false }
    AssertionProcess.perform(assertion, provider, path: path, patience: patience)
  }
}
