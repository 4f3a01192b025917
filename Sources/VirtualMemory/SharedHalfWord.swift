package import Synchronization

/// A 32-bit word that several threads, or several processes through a shared mapping, read and
/// write at once.
///
/// It does not own the word. Every operation is a single atomic instruction: safe in hook context.
@frozen
package struct SharedHalfWord: @unchecked Sendable {
  @usableFromInline let atomic: UnsafePointer<Atomic<UInt32>>

  /// `address` must be aligned to 4 bytes and outlive this value.
  @inlinable
  package init(_ address: UnsafeMutableRawPointer) {
    atomic = UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt32>.self))
  }

  @inlinable package func loadRelaxed() -> UInt32 { atomic.pointee.load(ordering: .relaxed) }
  @inlinable package func loadAcquiring() -> UInt32 { atomic.pointee.load(ordering: .acquiring) }
  @inlinable package func load() -> UInt32 {
    atomic.pointee.load(ordering: .sequentiallyConsistent)
  }
  @inlinable package func storeRelaxed(_ value: UInt32) {
    atomic.pointee.store(value, ordering: .relaxed)
  }
  @inlinable package func storeReleasing(_ value: UInt32) {
    atomic.pointee.store(value, ordering: .releasing)
  }
  @inlinable package func store(_ value: UInt32) {
    atomic.pointee.store(value, ordering: .sequentiallyConsistent)
  }

  /// Adds with wrap-around; returns the old value.
  @inlinable @discardableResult
  package func add(_ value: UInt32) -> UInt32 {
    atomic.pointee.wrappingAdd(value, ordering: .sequentiallyConsistent).oldValue
  }

  /// Counts; nothing is ordered by it.
  @inlinable
  package func count(_ value: UInt32 = 1) {
    atomic.pointee.wrappingAdd(value, ordering: .relaxed)
  }

  /// Subtracts with wrap-around; returns the old value.
  @inlinable @discardableResult
  package func subtract(_ value: UInt32) -> UInt32 {
    atomic.pointee.wrappingSubtract(value, ordering: .sequentiallyConsistent).oldValue
  }

  /// Sets bits; returns the old value.
  @inlinable @discardableResult
  package func formUnion(_ bits: UInt32) -> UInt32 {
    atomic.pointee.bitwiseOr(bits, ordering: .sequentiallyConsistent).oldValue
  }

  /// Stores `value`; returns the old value.
  @inlinable
  package func exchange(_ value: UInt32) -> UInt32 {
    atomic.pointee.exchange(value, ordering: .sequentiallyConsistent)
  }

  /// Stores `desired` where the word is `expected`; returns whether it did and what was there.
  @inlinable
  package func compareExchange(
    expected: UInt32, desired: UInt32
  ) -> (exchanged: Bool, original: UInt32) {
    atomic.pointee.compareExchange(
      expected: expected, desired: desired, ordering: .sequentiallyConsistent)
  }
}
