/// A half-open range of virtual addresses, `start ..< end`, that does not wrap.
///
/// Safe to use in hook context: it is two words.
@frozen
public struct AddressRange: Hashable, Sendable {
  public let start: UInt
  public let end: UInt

  /// The range `start ..< end`; `end` must not be below `start`.
  @inlinable
  public init(start: UInt, end: UInt) {
    precondition(start <= end, "an address range ends before it begins")
    self.start = start
    self.end = end
  }

  /// The range of `length` bytes from `start`, or nil where it would wrap.
  @inlinable
  public init?(start: UInt, length: UInt) {
    let (end, overflow) = start.addingReportingOverflow(length)
    if overflow { return nil }
    self.start = start
    self.end = end
  }

  /// Bytes in the range.
  @inlinable public var length: UInt { end &- start }
  @inlinable public var isEmpty: Bool { start == end }

  /// Whether the two have at least one byte in common.
  @inlinable
  public func overlaps(_ other: AddressRange) -> Bool {
    start < other.end && other.start < end
  }

  /// Whether every byte of `other` lies in this range.
  @inlinable
  public func contains(_ other: AddressRange) -> Bool {
    start <= other.start && other.end <= end
  }

  /// The bytes that both have; empty where they have none.
  @inlinable
  public func intersection(_ other: AddressRange) -> AddressRange {
    let low = max(start, other.start)
    return AddressRange(start: low, end: max(low, min(end, other.end)))
  }

  /// The smallest range that contains both.
  @inlinable
  public func union(_ other: AddressRange) -> AddressRange {
    AddressRange(start: min(start, other.start), end: max(end, other.end))
  }

  /// The smallest range of whole pages that contains this one, or nil where it would wrap.
  @inlinable
  public var pageAligned: AddressRange? {
    let low = start & ~(Page.size &- 1)
    let (high, overflow) = end.addingReportingOverflow(Page.size &- 1)
    if overflow { return nil }
    return AddressRange(start: low, end: high & ~(Page.size &- 1))
  }

  /// Whole pages in a page-aligned range.
  @inlinable public var pageCount: UInt { length >> Page.shift }
}
