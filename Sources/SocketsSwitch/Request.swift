import CLinuxMemory
import CWinsockDirect
import VirtualMemory

/// An overlapped structure, as the switch and a provider share it.
///
/// `Internal` is WSS_OPERATION_IN_PROGRESS while the request is under way and its error number
/// afterwards; its low half is the futex that the switch waits on.
struct Request: @unchecked Sendable {
  let overlapped: UnsafeMutablePointer<WSAOVERLAPPED>

  private static let inProgress = UInt64(WSS_OPERATION_IN_PROGRESS)
  private var base: UnsafeMutableRawPointer { UnsafeMutableRawPointer(overlapped) }
  private var state: SharedWord { SharedWord(base) }
  private var count: SharedWord { SharedWord(base + 8) }

  /// Makes the structure ready for a call. An event handle of zero asks for a notification by
  /// WPUCompleteOverlappedRequest (spec section 5.5).
  func begin() {
    overlapped.initialize(to: WSAOVERLAPPED())
    state.storeReleasing(Self.inProgress)
  }

  /// Ends the request: for WPUCompleteOverlappedRequest, and for a call that finished at once.
  func complete(status: UInt32, byteCount: UInt32) {
    count.storeRelaxed(UInt64(byteCount))
    state.store(UInt64(status))
    // The structure may be somebody else's by now; a wake too many does no harm.
    CLinuxMemory_futex_wake(base, .max)
  }

  var isComplete: Bool { state.loadAcquiring() != Self.inProgress }

  /// Waits until the request has ended; false where the deadline came first.
  func wait(until deadline: Deadline) -> Bool {
    while !isComplete {
      let remaining = deadline.remaining
      if remaining == 0 { return false }
      _ = CLinuxMemory_futex_wait(base, UInt32(WSS_OPERATION_IN_PROGRESS), remaining)
    }
    return true
  }

  /// How a request that has ended did.
  var result: (status: Int32, byteCount: Int) {
    precondition(isComplete, "the result of a request that is under way")
    return (Int32(truncatingIfNeeded: state.load()), Int(count.loadRelaxed()))
  }
}
