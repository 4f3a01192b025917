import CLinuxMemory
import Glibc

/// Memory that is handed out from a memfd of its own, sealed so that nobody can shrink it.
///
/// Adapters need no pin for it: they, and a peer that was given a registration in it, map the same
/// pages. Freed when it goes out of scope: the application's mapping at once, the memfd when the
/// last adapter has let go.
public struct MemfdSegment: ~Copyable, Sendable {
  private let index: Int
  /// Where the application sees it.
  public let range: AddressRange

  /// A segment of at least `byteCount` bytes, zeroed.
  ///
  /// Throws `.exhausted` where there is no memory or `VirtualMemoryLimits.maximumSegments` exist.
  public init(byteCount: UInt) throws(VirtualMemoryError) {
    precondition(byteCount > 0, "a segment has at least one byte")
    guard let wanted = AddressRange(start: 0, length: byteCount)?.pageAligned else {
      throw .exhausted
    }
    (index, range) = try SegmentTable.shared.make(byteCount: wanted.length)
  }

  deinit {
    SegmentTable.shared.retire(index)
  }

  /// Its first byte.
  public var baseAddress: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: range.start).unsafelyUnwrapped
  }
}
