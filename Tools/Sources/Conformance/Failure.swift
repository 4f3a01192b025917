/// Why the body of an assertion ends early.
enum Failure: Error, Equatable {
  /// The provider did something else than it has to.
  case violated(expected: String, actual: String)
  /// It cannot be asked of this provider.
  case notApplicable(String)

  var verdict: Verdict {
    switch self {
    case .violated(let expected, let actual): .failed(expected: expected, actual: actual)
    case .notApplicable(let reason): .notApplicable(reason: reason)
    }
  }
}
