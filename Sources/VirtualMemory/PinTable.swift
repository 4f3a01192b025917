import CLinuxMemory
import Glibc

/// Locks memory to its physical pages, and moves data into and out of exactly those pages.
///
/// A pin is a registered buffer of an io_uring: the kernel counts it in VmPin and holds the pages,
/// whatever happens to the mapping. That is what a NIC does to memory, and why a registration that
/// outlives its mapping is stale and not merely slow.
package final class PinTable: Sendable {
  private let rings: Lock<[PinRing]>
  /// The rings again, for readers that may not lock: slot i is written once, before any `PinSlot`
  /// that names ring i exists.
  private nonisolated(unsafe) let published: UnsafeMutablePointer<PinRing?>

  /// A table with its first ring.
  ///
  /// Throws `.unavailable` where the kernel or its configuration (kernel.io_uring_disabled) does
  /// not offer io_uring, `.notPermitted` where this process may not use it.
  package init() throws(VirtualMemoryError) {
    let first = try PinRing(index: 0)
    published = .allocate(capacity: VirtualMemoryLimits.maximumPinRings)
    published.initialize(repeating: nil, count: VirtualMemoryLimits.maximumPinRings)
    published[0] = first
    rings = Lock([first])
  }

  deinit {
    published.deinitialize(count: VirtualMemoryLimits.maximumPinRings)
    published.deallocate()
  }

  /// Locks the pages of `range`, which must be page-aligned and not empty.
  ///
  /// Throws `.notMapped` where a part of it is not mapped or not writable, `.exhausted` where
  /// RLIMIT_MEMLOCK or the slots do not allow more. Not for hook context.
  package func pin(_ range: AddressRange) throws(VirtualMemoryError) -> PinSlot {
    precondition(!range.isEmpty && range.pageAligned == range, "a pin covers whole pages")
    let slotBytes = VirtualMemoryLimits.bytesPerPinSlot
    let count = Int((range.length + slotBytes - 1) / slotBytes)
    let (ring, first) = try reserve(count)
    var pinned = 0
    while pinned < count {
      let start = range.start + UInt(pinned) * slotBytes
      let piece = AddressRange(start: start, end: min(start + slotBytes, range.end))
      let error = ring.update(first + pinned, to: piece)
      if error != 0 {
        ring.unpin(first: first, count: count)
        throw Self.failure(error)
      }
      pinned += 1
    }
    return PinSlot(ring: ring.index, first: first, count: count)
  }

  /// Lets go of the pages. Safe in hook context; once for each pin.
  package func unpin(_ slot: PinSlot) {
    ring(of: slot).unpin(first: slot.first, count: slot.count)
  }

  /// Reads up to `length` bytes from `pipe`, which must not block, into the pinned pages at what
  /// was `address` when they were pinned. Returns the bytes moved or -errno. Any thread; no
  /// allocation; not for hook context (it takes the ring's lock).
  package func fill(_ slot: PinSlot, at address: UInt, length: Int, from pipe: Int32) -> Int {
    ring(of: slot).transfer(
      slot, address: address, length: length, descriptor: pipe, direction: .intoMemory)
  }

  /// Writes up to `length` bytes of the pinned pages to `pipe`, which must not block. Returns the
  /// bytes moved or -errno. As `fill`.
  package func drain(_ slot: PinSlot, at address: UInt, length: Int, to pipe: Int32) -> Int {
    ring(of: slot).transfer(
      slot, address: address, length: length, descriptor: pipe, direction: .outOfMemory)
  }

  private func ring(of slot: PinSlot) -> PinRing {
    guard let ring = published[slot.ring] else { preconditionFailure("a pin of no ring") }
    return ring
  }

  /// A run of free slots, in the first ring that has one.
  private func reserve(_ count: Int) throws(VirtualMemoryError) -> (PinRing, first: Int) {
    try rings.withLock { (rings) throws(VirtualMemoryError) in
      for ring in rings {
        if let first = ring.reserve(count) { return (ring, first) }
      }
      guard rings.count < VirtualMemoryLimits.maximumPinRings,
        count <= VirtualMemoryLimits.slotsPerPinRing
      else { throw .exhausted }
      let ring = try PinRing(index: rings.count)
      published[rings.count] = ring
      rings.append(ring)
      guard let first = ring.reserve(count) else { throw .exhausted }
      return (ring, first)
    }
  }

  private static func failure(_ error: Int32) -> VirtualMemoryError {
    switch error {
    case EFAULT: .notMapped
    case ENOMEM, EAGAIN: .exhausted
    case EOPNOTSUPP: .unavailable
    case EPERM: .notPermitted
    default: .system(errno: error)
    }
  }
}
