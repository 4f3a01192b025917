/// What became of an assertion.
package enum Verdict: Sendable, Equatable {
  case passed
  /// What had to come, and what came.
  case failed(expected: String, actual: String)
  /// It cannot be asked of this provider, or on this machine.
  case notApplicable(reason: String)
}
