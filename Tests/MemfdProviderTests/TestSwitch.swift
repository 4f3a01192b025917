import CWinsockDirect
import Glibc

/// Plays the switch: the upcalls that the provider makes, counted and remembered.
///
/// One for the process, because the upcalls are plain functions.
final class TestSwitch: @unchecked Sendable {
  static let shared = TestSwitch()

  struct Completion {
    let socket: SOCKET
    let overlapped: UInt
    let error: INT
    let byteCount: DWORD
  }

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>
  private var handles: [SOCKET: DWORD_PTR] = [:]
  private var closed: [SOCKET: Int] = [:]
  private var completions: [Completion] = []
  private var events: [UInt: Int] = [:]
  private var log: [String] = []
  private var nextHandle: SOCKET = 1000
  private var nextEvent: UInt = 4
  private var refusal: INT = 0

  private init() {
    mutex = .allocate(capacity: 1)
    changed = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(changed)
      pthread_mutex_unlock(mutex)
    }
    return body()
  }

  /// Waits until `condition` holds, at most `seconds`; returns whether it does.
  private func wait(seconds: Double, until condition: () -> Bool) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_REALTIME, &deadline)
    let nanoseconds = deadline.tv_nsec + Int(seconds * 1e9)
    deadline.tv_sec += nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !condition() {
      if pthread_cond_timedwait(changed, mutex, &deadline) != 0 { return condition() }
    }
    return true
  }

  // What tests ask and say.

  /// Socket handles that were made.
  var handleCount: Int { locked { handles.count } }
  func context(of handle: SOCKET) -> DWORD_PTR? { locked { handles[handle] } }
  func handle(of descriptor: SOCKET) -> SOCKET? {
    // An earlier provider may have had the same descriptor.
    locked { handles.filter { $0.value == DWORD_PTR(descriptor) }.keys.max() }
  }
  func closeCount(of handle: SOCKET) -> Int { locked { closed[handle] ?? 0 } }
  func completions(of overlapped: UnsafeMutableRawPointer) -> [Completion] {
    locked { completions.filter { $0.overlapped == UInt(bitPattern: overlapped) } }
  }
  /// Everything that was called for a handle, in order.
  func calls(for handle: SOCKET) -> [String] {
    locked { log.filter { $0.hasSuffix(" \(handle)") } }
  }
  /// Makes WPUCreateSocketHandle fail with this number; 0 for not.
  func refuseHandles(_ error: INT) { locked { refusal = error } }

  func makeEvent() -> WSAEVENT? {
    locked {
      nextEvent += 4
      return WSAEVENT(bitPattern: nextEvent)
    }
  }
  func isSet(_ event: WSAEVENT?) -> Bool {
    locked { (events[UInt(bitPattern: event)] ?? 0) > 0 }
  }
  func waitUntilSet(_ event: WSAEVENT?, seconds: Double = 5) -> Bool {
    wait(seconds: seconds) { (events[UInt(bitPattern: event)] ?? 0) > 0 }
  }
  func waitUntilClosed(_ handle: SOCKET, seconds: Double = 5) -> Bool {
    wait(seconds: seconds) { (closed[handle] ?? 0) > 0 }
  }
  func waitForCompletion(
    of overlapped: UnsafeMutableRawPointer, seconds: Double = 5
  ) -> Completion? {
    let wanted = UInt(bitPattern: overlapped)
    _ = wait(seconds: seconds) { completions.contains { $0.overlapped == wanted } }
    return locked { completions.last { $0.overlapped == wanted } }
  }
  /// Before an overlapped structure is used again.
  func forget(_ overlapped: UnsafeMutableRawPointer) {
    locked { completions.removeAll { $0.overlapped == UInt(bitPattern: overlapped) } }
  }

  // The upcalls.

  fileprivate func create(_ context: DWORD_PTR, _ error: LPINT?) -> SOCKET {
    locked {
      if refusal != 0 {
        error?.pointee = refusal
        return INVALID_SOCKET
      }
      nextHandle += 1
      handles[nextHandle] = context
      return nextHandle
    }
  }

  fileprivate func close(_ handle: SOCKET, _ error: LPINT?) -> INT {
    locked {
      guard handles[handle] != nil else {
        error?.pointee = WSAENOTSOCK
        return SOCKET_ERROR
      }
      closed[handle, default: 0] += 1
      log.append("close \(handle)")
      return 0
    }
  }

  fileprivate func complete(
    _ handle: SOCKET, _ overlapped: LPWSAOVERLAPPED?, _ status: DWORD, _ byteCount: DWORD
  ) -> INT {
    guard let overlapped else { return SOCKET_ERROR }
    return locked {
      overlapped.pointee.InternalHigh = ULONG_PTR(byteCount)
      overlapped.pointee.Internal = ULONG_PTR(status)
      completions.append(
        Completion(
          socket: handle, overlapped: UInt(bitPattern: overlapped), error: INT(status),
          byteCount: byteCount))
      log.append("complete \(handle)")
      return 0
    }
  }

  fileprivate func set(_ event: WSAEVENT?, to value: Int) -> BOOL {
    locked {
      events[UInt(bitPattern: event)] = value
      return 1
    }
  }

  /// The table for WSPStartupEx.
  static var upcalls: WSPUPCALLTABLEEX {
    var table = WSPUPCALLTABLEEX()
    table.lpWPUCreateSocketHandle = { _, context, error in
      TestSwitch.shared.create(context, error)
    }
    table.lpWPUCloseSocketHandle = { handle, error in TestSwitch.shared.close(handle, error) }
    table.lpWPUCompleteOverlappedRequest = { handle, overlapped, status, byteCount, _ in
      TestSwitch.shared.complete(handle, overlapped, status, byteCount)
    }
    table.lpWPUSetEvent = { event, _ in TestSwitch.shared.set(event, to: 1) }
    table.lpWPUResetEvent = { event, _ in TestSwitch.shared.set(event, to: 0) }
    return table
  }
}
