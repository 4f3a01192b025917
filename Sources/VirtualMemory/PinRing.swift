import CLinuxMemory
import Glibc

/// One io_uring whose registered buffers are pins.
///
/// Who may touch what: `slots` (the map of free slots) under `slotLock`, which is taken in hook
/// context too; the submission and completion queues under `queueLock`, which is not. Registering
/// and unregistering a buffer is a system call that the kernel serialises itself.
final class PinRing: @unchecked Sendable {
  let index: Int
  private let ring: UnsafeMutableRawPointer
  private let queueLock = Lock(())
  private let slotLock: HookSafeLock
  /// A word of lock, then one bit a slot (1: taken), then the first address of each slot.
  private let memory: UnsafeMutableRawPointer
  private let slots: UnsafeMutablePointer<UInt64>
  private let starts: UnsafeMutablePointer<UInt>

  private static var slotCount: Int { VirtualMemoryLimits.slotsPerPinRing }
  private static var submissionEntries: UInt32 { 8 }
  private static var memoryBytes: Int { 64 + slotCount / 8 + slotCount * 8 }

  init(index: Int) throws(VirtualMemoryError) {
    var opened: UnsafeMutableRawPointer?
    let error = -CLinuxMemory_ring_open(&opened, Self.submissionEntries, UInt32(Self.slotCount))
    switch error {
    case 0: break
    case ENOMEM: throw .exhausted
    case EPERM: throw .notPermitted
    case ENOSYS, EINVAL: throw .unavailable
    default: throw .system(errno: error)
    }
    guard let opened, let memory = CLinuxMemory_reserve(Self.memoryBytes) else {
      if let opened { CLinuxMemory_ring_close(opened) }
      throw .exhausted
    }
    self.index = index
    ring = opened
    self.memory = memory
    slotLock = HookSafeLock(at: memory)
    slots = (memory + 64).bindMemory(to: UInt64.self, capacity: Self.slotCount / 64)
    starts = (memory + 64 + Self.slotCount / 8).bindMemory(to: UInt.self, capacity: Self.slotCount)
  }

  deinit {
    CLinuxMemory_ring_close(ring)
    munmap(memory, Self.memoryBytes)
  }

  /// Takes `count` slots in a row, or nil where there are none.
  func reserve(_ count: Int) -> Int? {
    slotLock.withLock { count == 1 ? reserveOne() : reserveRun(count) }
  }

  private func reserveOne() -> Int? {
    for word in 0..<(Self.slotCount / 64) where slots[word] != .max {
      let bit = (~slots[word]).trailingZeroBitCount
      slots[word] |= 1 << UInt64(bit)
      return word * 64 + bit
    }
    return nil
  }

  private func reserveRun(_ count: Int) -> Int? {
    var run = 0
    for slot in 0..<Self.slotCount {
      run = slots[slot >> 6] >> UInt64(slot & 63) & 1 == 0 ? run + 1 : 0
      if run == count {
        let first = slot - count + 1
        for taken in first...slot { slots[taken >> 6] |= 1 << UInt64(taken & 63) }
        return first
      }
    }
    return nil
  }

  /// Locks the pages of `range` in a slot of ours; returns 0 or an errno.
  func update(_ slot: Int, to range: AddressRange) -> Int32 {
    starts[slot] = range.start
    return -CLinuxMemory_ring_update(
      ring, UInt32(slot), UnsafeMutableRawPointer(bitPattern: range.start), Int(range.length))
  }

  /// Unlocks and frees slots. Hook context.
  func unpin(first: Int, count: Int) {
    for slot in first..<(first + count) {
      let error = CLinuxMemory_ring_update(ring, UInt32(slot), nil, 0)
      precondition(error == 0, "io_uring did not let go of a slot of ours")
    }
    slotLock.withLock {
      for slot in first..<(first + count) { slots[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
    }
  }

  enum Direction { case intoMemory, outOfMemory }

  /// One fixed-buffer read or write, carried out before this returns: pipes complete inline.
  func transfer(
    _ pin: PinSlot, address: UInt, length: Int, descriptor: Int32, direction: Direction
  ) -> Int {
    let slotBytes = VirtualMemoryLimits.bytesPerPinSlot
    let slot = pin.first + Int((address - starts[pin.first]) / slotBytes)
    precondition(slot < pin.first + pin.count, "a transfer outside its pin")
    let room = starts[slot] + slotBytes - address
    let bytes = UInt32(min(length, Int(room), Int(Int32.max)))
    return queueLock.withLock { (_) -> Int in
      Int(
        CLinuxMemory_ring_transfer(
          ring, UInt32(slot), direction == .intoMemory, descriptor,
          UnsafeMutableRawPointer(bitPattern: address), bytes))
    }
  }
}
