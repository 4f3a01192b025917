/// One use of a memfd segment, by an adapter: while it is held the memfd and its alias mapping
/// stay. A plain word, so that it can be stored in published records; released exactly once.
package struct SegmentUse: RawRepresentable, Hashable, Sendable {
  /// bit 63: a use (so that 0 is none); the rest: which segment.
  package let rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  init(index: Int) {
    rawValue = 1 << 63 | UInt64(index)
  }

  var index: Int { Int(rawValue & 0xFFFF_FFFF) }
}
