/// When a registration cache was told of a change.
enum CoverageOutcome: String, Sendable, CaseIterable {
  /// While the old mapping was still there.
  case before
  /// While the call was made, with the mapping changed already.
  case during
  /// When the call had returned.
  case after
  /// When the memory was registered or used again.
  case atNextUse = "at-next-use"
  /// Never; or it was told, and old content arrived all the same.
  case never
  /// The change did no harm; it was reported, or not.
  case told
  case harmless
  /// This machine cannot make the change, or not on memory that is registered.
  case notPossible = "not-possible"
  case crashed
  case hung

  /// Whether the registered pages are others now, or out of reach.
  var isHarmful: Bool {
    switch self {
    case .before, .during, .after, .atNextUse, .never: true
    case .told, .harmless, .notPossible, .crashed, .hung: false
    }
  }

  /// Whether a user cannot rely on it.
  var isFailure: Bool { self == .never || self == .crashed || self == .hung }
}
