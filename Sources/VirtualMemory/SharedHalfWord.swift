public import Synchronization

/// A 32-bit word that several threads, or several processes through a shared mapping, read and
/// write at once.
///
/// Public only because nothing less is inlined across modules, and the lookup of a cached
/// registration is made of these.
///
/// It does not own the word. Every operation is a single atomic instruction: safe in hook context.
@frozen
public struct SharedHalfWord: @unchecked Sendable {
  @usableFromInline let atomic: UnsafePointer<Atomic<UInt32>>

  /// `address` must be aligned to 4 bytes and outlive this value.
  @inlinable
  public init(_ address: UnsafeMutableRawPointer) {
    atomic = UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt32>.self))
  }

  @inlinable public func loadRelaxed() -> UInt32 { atomic.pointee.load(ordering: .relaxed) }
  @inlinable public func loadAcquiring() -> UInt32 { atomic.pointee.load(ordering: .acquiring) }
  @inlinable public func load() -> UInt32 {
    atomic.pointee.load(ordering: .sequentiallyConsistent)
  }
  @inlinable public func storeRelaxed(_ value: UInt32) {
    atomic.pointee.store(value, ordering: .relaxed)
  }
  @inlinable public func storeReleasing(_ value: UInt32) {
    atomic.pointee.store(value, ordering: .releasing)
  }
  @inlinable public func store(_ value: UInt32) {
    atomic.pointee.store(value, ordering: .sequentiallyConsistent)
  }

  /// Adds with wrap-around; returns the old value.
  @inlinable @discardableResult
  public func add(_ value: UInt32) -> UInt32 {
    atomic.pointee.wrappingAdd(value, ordering: .sequentiallyConsistent).oldValue
  }

  /// Counts; nothing is ordered by it.
  @inlinable
  public func count(_ value: UInt32 = 1) {
    atomic.pointee.wrappingAdd(value, ordering: .relaxed)
  }

  /// Subtracts with wrap-around; returns the old value.
  @inlinable @discardableResult
  public func subtract(_ value: UInt32) -> UInt32 {
    atomic.pointee.wrappingSubtract(value, ordering: .sequentiallyConsistent).oldValue
  }

  /// Sets bits; returns the old value.
  @inlinable @discardableResult
  public func formUnion(_ bits: UInt32) -> UInt32 {
    atomic.pointee.bitwiseOr(bits, ordering: .sequentiallyConsistent).oldValue
  }

  /// Stores `value`; returns the old value.
  @inlinable
  public func exchange(_ value: UInt32) -> UInt32 {
    atomic.pointee.exchange(value, ordering: .sequentiallyConsistent)
  }

  /// Stores `desired` where the word is `expected`; returns whether it did and what was there.
  @inlinable
  public func compareExchange(
    expected: UInt32, desired: UInt32
  ) -> (exchanged: Bool, original: UInt32) {
    atomic.pointee.compareExchange(
      expected: expected, desired: desired, ordering: .sequentiallyConsistent)
  }
}
