public import VirtualMemory

// The records of the published memfd. Each is a window on memory: a base address and named words.
// Words are written by the process that publishes, whole and atomically; which thread may write
// which word, and when, is said at each record. A reader (another process, read-only) copies the
// tables and checks `updatesStarted` against `updatesFinished` around the copy; a record whose own
// word changed meanwhile is read again.

/// A record: a fixed number of bytes at an address.
///
/// Public as `RegionRecord` is.
public protocol Record: Sendable {
  static var stride: Int { get }
  var base: UnsafeMutableRawPointer { get }
  init(base: UnsafeMutableRawPointer)
}

extension Record {
  @inlinable @inline(__always)
  public func word(_ offset: Int) -> SharedWord { SharedWord(base + offset) }
  @inlinable @inline(__always)
  public func halfWord(_ offset: Int) -> SharedHalfWord { SharedHalfWord(base + offset) }
}
