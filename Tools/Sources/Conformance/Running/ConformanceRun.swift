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
  static func assertionArguments(_ id: String, path: String, patience: Int) -> [String] {
    ["conform", "--role", id, "--patience", "\(patience)", "--", path]
  }
  static func peerArguments(path: String) -> [String] {
    ["conform", "--role", peerRole, "--", path]
  }
  private static let peerRole = "peer"

  /// What a process in a role does; false where there is no such role.
  package static func play(role: String, path: String, patience: Int) -> Bool {
    CConformance_die_with_parent()
    // Whoever we talk to may be gone.
    signal(SIGPIPE, SIG_IGN)
    guard let provider = try? ProviderUnderTest(path: path) else { return false }
    if role == peerRole {
      PeerProcess.serve(provider, answers: AssertionProcess.resultDescriptor)
      return true
    }
    guard let assertion = Catalog.assertion(role) else { return false }
    AssertionProcess.perform(assertion, provider, path: path, patience: patience)
  }
}
