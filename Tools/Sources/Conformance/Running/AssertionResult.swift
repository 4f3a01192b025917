/// What came of an assertion that was put to a provider.
package struct AssertionResult: Sendable {
  package let id: String
  package let grade: Grade
  package let title: String
  package let verdict: Verdict
  package let milliseconds: Int

  /// Whether it counts against the provider: an inferred one only where that is asked for.
  package func isBreach(strict: Bool) -> Bool {
    guard case .failed = verdict else { return false }
    return strict || grade != .inferred
  }
}
