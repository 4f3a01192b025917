/// What a registration lets its user do with the memory.
///
/// The raw values are those of MEM_READ, MEM_WRITE and MEM_READWRITE (C04).
public struct MemoryAccess: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8

  @inlinable
  public init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  @inlinable public static var read: MemoryAccess { MemoryAccess(rawValue: 1) }
  @inlinable public static var write: MemoryAccess { MemoryAccess(rawValue: 2) }
  @inlinable public static var readWrite: MemoryAccess { [.read, .write] }
}
