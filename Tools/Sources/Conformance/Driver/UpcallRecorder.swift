import CConformance
import CWinsockDirect
import Glibc

/// The switch's side of the upcalls of this process: socket handles, events, completions, and the
/// order in which they came.
final class UpcallRecorder: @unchecked Sendable {
  /// One for the process, because the upcalls are plain functions.
  static let shared = UpcallRecorder()

  /// A call of WPUCompleteOverlappedRequest.
  struct Completion {
    let socket: SOCKET
    let overlapped: UInt
    let error: INT
    let byteCount: DWORD
  }

  /// What happened to a socket handle.
  enum Entry: Equatable {
    case completed
    case closed
  }

  private let monitor = Monitor()
  private var contexts: [SOCKET: DWORD_PTR] = [:]
  private var entries: [SOCKET: [Entry]] = [:]
  private var completions: [Completion] = []
  private var events: [UInt: Bool] = [:]
  /// Upcalls with something that the switch has not given out.
  private var mistakes: [String] = []
  private var refusal: INT = 0
  private var nextHandle: SOCKET = 0x51_0000
  private var nextEvent: UInt = 8

  // MARK: What assertions ask and say

  /// Socket handles that were made so far.
  var handleCount: Int { monitor.locked { contexts.count } }

  /// The newest handle; 0 where there is none.
  var newestHandle: SOCKET { monitor.locked { contexts.keys.max() ?? 0 } }

  /// The handles that were made and not closed.
  var openHandleCount: Int {
    monitor.locked { contexts.keys.count { !(entries[$0] ?? []).contains(.closed) } }
  }

  func entries(of handle: SOCKET) -> [Entry] { monitor.locked { entries[handle] ?? [] } }

  var mistake: String? { monitor.locked { mistakes.first } }

  /// Makes WPUCreateSocketHandle fail with this number; 0 for not.
  func refuseHandles(_ error: INT) { monitor.locked { refusal = error } }

  func makeEvent() -> UInt {
    monitor.locked {
      nextEvent += 4
      events[nextEvent] = false
      return nextEvent
    }
  }

  func isSet(_ event: UInt) -> Bool { monitor.locked { events[event] ?? false } }

  func wait(for event: UInt, milliseconds: Int) -> Bool {
    monitor.wait(milliseconds: milliseconds) { events[event] ?? false }
  }

  func waitUntilClosed(_ handle: SOCKET, milliseconds: Int) -> Bool {
    monitor.wait(milliseconds: milliseconds) { (entries[handle] ?? []).contains(.closed) }
  }

  func completions(of overlapped: UInt) -> [Completion] {
    monitor.locked { completions.filter { $0.overlapped == overlapped } }
  }

  func waitForCompletion(of overlapped: UInt, milliseconds: Int) -> Completion? {
    _ = monitor.wait(milliseconds: milliseconds) {
      completions.contains { $0.overlapped == overlapped }
    }
    return completions(of: overlapped).last
  }

  /// Before an overlapped structure is used again.
  func forget(_ overlapped: UInt) {
    monitor.locked { completions.removeAll { $0.overlapped == overlapped } }
  }

  // MARK: The upcalls

  /// Runs what an upcall does; its own use of the allocator is not the provider's.
  private func recording<Result>(_ body: () -> Result) -> Result {
    let wasCounting = CConformance_pause()
    defer { CConformance_resume(wasCounting) }
    return monitor.locked(body)
  }

  func create(_ context: DWORD_PTR, _ error: LPINT?) -> SOCKET {
    recording {
      if refusal != 0 {
        error?.pointee = refusal
        return INVALID_SOCKET
      }
      nextHandle += 1
      contexts[nextHandle] = context
      error?.pointee = 0
      return nextHandle
    }
  }

  func close(_ handle: SOCKET, _ error: LPINT?) -> INT {
    recording {
      guard contexts[handle] != nil else {
        return refuse(
          "WPUCloseSocketHandle with a descriptor that is not the switch's", error,
          WSAENOTSOCK)
      }
      entries[handle, default: []].append(.closed)
      error?.pointee = 0
      return 0
    }
  }

  func context(of handle: SOCKET, _ context: PDWORD_PTR?, _ error: LPINT?) -> INT {
    recording {
      guard let value = contexts[handle] else {
        error?.pointee = WSAENOTSOCK
        return SOCKET_ERROR
      }
      context?.pointee = value
      error?.pointee = 0
      return 0
    }
  }

  /// The byte count first, then the state (C65).
  func complete(
    _ handle: SOCKET, _ overlapped: LPWSAOVERLAPPED?, _ status: DWORD, _ byteCount: DWORD,
    _ error: LPINT?
  ) -> INT {
    recording {
      guard let overlapped, contexts[handle] != nil else {
        return refuse(
          "WPUCompleteOverlappedRequest with a descriptor that is not the switch's", error,
          WSAEINVAL)
      }
      overlapped.pointee.InternalHigh = ULONG_PTR(byteCount)
      overlapped.pointee.Internal = ULONG_PTR(status)
      completions.append(
        Completion(
          socket: handle, overlapped: UInt(bitPattern: overlapped),
          error: INT(bitPattern: status), byteCount: byteCount))
      entries[handle, default: []].append(.completed)
      error?.pointee = 0
      return 0
    }
  }

  func createEvent(_ error: LPINT?) -> WSAEVENT? {
    recording {
      nextEvent += 4
      events[nextEvent] = false
      error?.pointee = 0
      return WSAEVENT(bitPattern: nextEvent)
    }
  }

  /// Sets an event, resets it, or, for nil, closes it.
  func change(_ event: WSAEVENT?, to value: Bool?, _ error: LPINT?) -> BOOL {
    recording {
      guard events[UInt(bitPattern: event)] != nil else {
        _ = refuse("an event that nobody has made", error, WSA_INVALID_HANDLE)
        return 0
      }
      events[UInt(bitPattern: event)] = value
      error?.pointee = 0
      return 1
    }
  }

  private func refuse(_ mistake: String, _ error: LPINT?, _ number: INT) -> INT {
    mistakes.append(mistake)
    error?.pointee = number
    return SOCKET_ERROR
  }
}
