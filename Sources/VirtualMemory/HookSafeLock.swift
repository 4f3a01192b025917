import CLinuxMemory

/// A lock that may be taken in hook context.
///
/// Rules for whoever holds it: no allocation, no memory system call that a hook sees, no call into
/// code that is not ours, a bounded number of steps. Signals are blocked while it is held, so that
/// a handler on the same thread cannot want it again. It is not recursive.
///
/// Public only because nothing less is specialised across modules.
///
/// The word: 0 free, 1 held, 2 held and somebody may be waiting. Only the holder stores 0.
@frozen
public struct HookSafeLock: @unchecked Sendable {
  @usableFromInline let word: SharedHalfWord
  @usableFromInline let address: UnsafeMutableRawPointer

  /// A lock in the four bytes at `address`, which must be zero and outlive every use.
  @inlinable
  public init(at address: UnsafeMutableRawPointer) {
    self.address = address
    word = SharedHalfWord(address)
  }

  /// Runs `body` while no other thread can.
  @inlinable
  public func withLock<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let mask = Self.blockSignals()
    if !word.compareExchange(expected: 0, desired: 1).exchanged { acquireContended() }
    defer {
      relinquish()
      Self.restoreSignals(mask)
    }
    return try body()
  }

  @usableFromInline
  func acquireContended() {
    for _ in 0..<Self.spins {
      if word.compareExchange(expected: 0, desired: 1).exchanged { return }
      CLinuxMemory_relax()
    }
    while word.exchange(2) != 0 {
      _ = CLinuxMemory_futex_wait(address, 2, -1)
    }
  }

  @inlinable
  func relinquish() {
    if word.exchange(0) == 2 { wakeOne() }
  }

  @usableFromInline
  func wakeOne() {
    CLinuxMemory_futex_wake(address, 1)
  }

  @usableFromInline
  static func blockSignals() -> UInt64 { CLinuxMemory_block_signals() }

  @usableFromInline
  static func restoreSignals(_ mask: UInt64) { CLinuxMemory_restore_signals(mask) }

  private static var spins: Int { 100 }
}
