/// What came of using a registration after the change.
enum CoverageUse: String, Sendable {
  /// Nothing was tried.
  case none
  /// What the program has there now arrived.
  case fresh
  /// Old content arrived, or memory that may not be reached any more was reached.
  case stale
  /// The registration could not be used, or not be made.
  case refused

  /// The worse of two.
  func worse(_ other: CoverageUse) -> CoverageUse {
    let order: [CoverageUse] = [.none, .refused, .fresh, .stale]
    guard let left = order.firstIndex(of: self), let right = order.firstIndex(of: other) else {
      return .stale
    }
    return order[max(left, right)]
  }
}
