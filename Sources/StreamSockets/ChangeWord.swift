import CLinuxMemory
import SocketsSwitch
import VirtualMemory

/// A count of changes that threads wait for.
///
/// Who waits takes the value first, then looks whether what it waits for is there, then waits for
/// another value; so no change between is missed.
final class ChangeWord: @unchecked Sendable {
  private let word: UnsafeMutablePointer<UInt32>

  init() {
    word = .allocate(capacity: 1)
    word.initialize(to: 0)
  }

  deinit {
    word.deallocate()
  }

  var value: UInt32 { SharedHalfWord(word).load() }

  /// Says that something has changed.
  func announce() {
    SharedHalfWord(word).add(1)
    CLinuxMemory_futex_wake(word, .max)
  }

  /// Waits for a value other than `seen`, at most until the deadline.
  func wait(after seen: UInt32, until deadline: Deadline) {
    _ = CLinuxMemory_futex_wait(word, seen, deadline.remaining)
  }
}
