package import Synchronization

/// A 64-bit word that several threads, or several processes through a shared mapping, read and
/// write at once.
///
/// It does not own the word. Every operation is a single atomic instruction: safe in hook context.
@frozen
package struct SharedWord: @unchecked Sendable {
  @usableFromInline let atomic: UnsafePointer<Atomic<UInt64>>

  /// `address` must be aligned to 8 bytes and outlive this value.
  @inlinable
  package init(_ address: UnsafeMutableRawPointer) {
    atomic = UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt64>.self))
  }

  @inlinable package func loadRelaxed() -> UInt64 { atomic.pointee.load(ordering: .relaxed) }
  @inlinable package func loadAcquiring() -> UInt64 { atomic.pointee.load(ordering: .acquiring) }
  @inlinable package func load() -> UInt64 {
    atomic.pointee.load(ordering: .sequentiallyConsistent)
  }
  @inlinable package func storeRelaxed(_ value: UInt64) {
    atomic.pointee.store(value, ordering: .relaxed)
  }
  @inlinable package func storeReleasing(_ value: UInt64) {
    atomic.pointee.store(value, ordering: .releasing)
  }
  @inlinable package func store(_ value: UInt64) {
    atomic.pointee.store(value, ordering: .sequentiallyConsistent)
  }

  /// Adds with wrap-around; returns the old value.
  @inlinable @discardableResult
  package func add(_ value: UInt64) -> UInt64 {
    atomic.pointee.wrappingAdd(value, ordering: .sequentiallyConsistent).oldValue
  }

  /// Counts; nothing is ordered by it.
  @inlinable
  package func count(_ value: UInt64 = 1) {
    atomic.pointee.wrappingAdd(value, ordering: .relaxed)
  }

  /// Subtracts with wrap-around; returns the old value.
  @inlinable @discardableResult
  package func subtract(_ value: UInt64) -> UInt64 {
    atomic.pointee.wrappingSubtract(value, ordering: .sequentiallyConsistent).oldValue
  }

  /// Sets bits; returns the old value.
  @inlinable @discardableResult
  package func formUnion(_ bits: UInt64) -> UInt64 {
    atomic.pointee.bitwiseOr(bits, ordering: .sequentiallyConsistent).oldValue
  }

  /// Stores `value`; returns the old value.
  @inlinable
  package func exchange(_ value: UInt64) -> UInt64 {
    atomic.pointee.exchange(value, ordering: .sequentiallyConsistent)
  }

  /// Stores `desired` where the word is `expected`; returns whether it did and what was there.
  @inlinable
  package func compareExchange(
    expected: UInt64, desired: UInt64
  ) -> (exchanged: Bool, original: UInt64) {
    atomic.pointee.compareExchange(
      expected: expected, desired: desired, ordering: .sequentiallyConsistent)
  }
}
