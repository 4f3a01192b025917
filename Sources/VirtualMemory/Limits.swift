/// How much of everything this module keeps.
package enum VirtualMemoryLimits {
  /// io_uring instances that hold pins, and slots in each: what the kernel allows a ring.
  package static let maximumPinRings = 8
  package static let slotsPerPinRing = 16_384
  /// Bytes that one slot can lock.
  package static let bytesPerPinSlot: UInt = 1 << 30
  /// Memfd segments that exist at once.
  package static let maximumSegments = 1024
  /// Addresses that a page table covers: the lower 48 bits.
  package static let addressBits: UInt = 48
}
