// Hook context: no allocation, no lock, no unbounded wait.

import CLinuxMemory
import VirtualMemory

/// A counted entry to memory, that can be closed: the word between a transfer and an invalidation.
///
/// The word: bits 32-63 the generation (which use of the entry it is), bit 31 closed, bits 0-30 the
/// transfers inside. Who may write it, and in which order, is in PROTOCOL.md. It may lie in memory
/// that another process shares; then `generation` and `users` are only what that process says.
struct Gate {
  let address: UnsafeMutableRawPointer
  private let word: SharedWord

  private static let closedBit: UInt64 = 1 << 31
  private static let usersMask: UInt64 = closedBit - 1

  /// The gate in the eight bytes at `address`.
  init(_ address: UnsafeMutableRawPointer) {
    self.address = address
    word = SharedWord(address)
  }

  /// Begins a use of the entry: open, nobody inside. Generation 0 is that of memory never used;
  /// nobody enters it.
  func open(generation: UInt32) {
    word.store(UInt64(generation) << 32)
  }

  /// Enters, unless the gate is closed or is the gate of another use.
  func enter(generation: UInt32) -> Bool {
    if generation == 0 { return false }
    var seen = word.load()
    while true {
      if UInt32(truncatingIfNeeded: seen >> 32) != generation { return false }
      if seen & Self.closedBit != 0 { return false }
      if seen & Self.usersMask == Self.usersMask { return false }
      let (exchanged, original) = word.compareExchange(expected: seen, desired: seen + 1)
      if exchanged { return true }
      seen = original
    }
  }

  /// Leaves; whoever waits for the last one to leave is woken.
  func leave() {
    let old = word.subtract(1)
    if old & Self.closedBit != 0, old & Self.usersMask == 1 {
      CLinuxMemory_futex_wake(address, .max)
    }
  }

  /// Lets nobody in any more. False where it is the gate of another use.
  @discardableResult
  func close(generation: UInt32) -> Bool {
    if generation == 0 { return false }
    var seen = word.load()
    while true {
      if UInt32(truncatingIfNeeded: seen >> 32) != generation { return false }
      let (exchanged, original) = word.compareExchange(
        expected: seen, desired: seen | Self.closedBit)
      if exchanged { return true }
      seen = original
    }
  }

  /// Closes the gate if nobody is inside; changes nothing otherwise.
  func closeIfEmpty(generation: UInt32) -> Bool {
    var seen = word.load()
    while true {
      if seen & Self.usersMask != 0 { return false }
      let closed = UInt64(generation) << 32 | Self.closedBit
      let (exchanged, original) = word.compareExchange(expected: seen, desired: closed)
      if exchanged { return true }
      seen = original
    }
  }

  var isEmpty: Bool { word.load() & Self.usersMask == 0 }

  /// Whether one who is inside should leave as soon as possible.
  var isClosed: Bool { word.load() & Self.closedBit != 0 }

  /// Whether it is open, for this use.
  func isOpen(generation: UInt32) -> Bool {
    let seen = word.load()
    return generation != 0 && UInt32(truncatingIfNeeded: seen >> 32) == generation
      && seen & Self.closedBit == 0
  }

  /// Waits until nobody is inside a closed gate, or for `nanoseconds`. It may return early.
  func waitUntilEmpty(nanoseconds: UInt64) {
    let seen = word.load()
    if seen & Self.usersMask == 0 { return }
    // The futex is the half with the closed bit and the users: the low one.
    _ = CLinuxMemory_futex_wait(address, UInt32(truncatingIfNeeded: seen), Int64(nanoseconds))
  }
}
