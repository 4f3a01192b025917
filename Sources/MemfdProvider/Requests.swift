import CWinsockDirect
import VirtualMemory

/// A request that an application waits for.
struct Request {
  var overlapped: LPWSAOVERLAPPED
  /// Whether its end is reported through WPUCompleteOverlappedRequest; else it is polled for.
  var notifies = false
  var isReceive = false
  /// How many registrations it uses.
  var registrationCount = 0
  var error: INT = 0
  var byteCount: DWORD = 0
  /// The next of the list it is on, or -1.
  var next: Int32 = -1
}

/// What the completion thread has to do for a socket next.
enum Delivery {
  case completion(Request)
  case event
  case close
  case nothing
}

/// The requests of a socket that are pending, and what is to be delivered for it.
///
/// The adapter's engine threads finish requests: with the lock held there is no allocation and no
/// call to anything that waits.
final class Requests: @unchecked Sendable {
  private struct State {
    var freeHead: Int32 = -1
    var finishedHead: Int32 = -1
    var finishedTail: Int32 = -1
    var event = false
    var close = false
    /// On the completion thread's list, or being delivered.
    var isQueued = false
  }

  private let state = Lock(State())
  private var requests: UnsafeMutablePointer<Request>?
  private var registrations: UnsafeMutablePointer<UInt32>?

  deinit {
    requests?.deallocate()
    registrations?.deallocate()
  }

  /// Sets memory aside; once, before the first request.
  func prepare() {
    if requests != nil { return }
    let count = ProviderLimits.requestsPerSocket
    registrations = .allocate(capacity: count * ProviderLimits.maximumBuffers)
    requests = .allocate(capacity: count)
    state.withLock { state in
      for index in (0..<count).reversed() { release(Int32(index), &state) }
    }
  }

  private subscript(_ index: Int32) -> UnsafeMutablePointer<Request> {
    requests.unsafelyUnwrapped + Int(index)
  }

  /// The registrations that a request uses, by their records.
  func registrations(of index: UInt64) -> UnsafeMutablePointer<UInt32> {
    registrations.unsafelyUnwrapped + Int(index) * ProviderLimits.maximumBuffers
  }

  private func release(_ index: Int32, _ state: inout State) {
    (requests.unsafelyUnwrapped + Int(index)).initialize(
      to: Request(overlapped: Self.none, next: state.freeHead))
    state.freeHead = index
  }

  /// What a free request points to; never followed.
  private static var none: LPWSAOVERLAPPED { LPWSAOVERLAPPED(bitPattern: 8).unsafelyUnwrapped }

  /// A number for a request that begins, or nil where as many are pending as there can be (C77).
  func begin(
    _ overlapped: LPWSAOVERLAPPED, notifies: Bool, isReceive: Bool,
    using used: UnsafeBufferPointer<UInt32>
  ) -> UInt64? {
    state.withLock { state in
      let index = state.freeHead
      if index < 0 { return nil }
      state.freeHead = self[index].pointee.next
      self[index].pointee = Request(
        overlapped: overlapped, notifies: notifies, isReceive: isReceive,
        registrationCount: used.count)
      if let base = used.baseAddress {
        registrations(of: UInt64(index)).update(from: base, count: used.count)
      }
      return UInt64(index)
    }
  }

  /// A copy of a request that is pending: its number stays taken until `end` or `finish`.
  func pending(_ number: UInt64) -> Request { self[Int32(number)].pointee }

  /// Frees the number of a request that did not start, or whose end needs no delivery.
  func end(_ number: UInt64) {
    state.withLock { release(Int32(number), &$0) }
  }

  /// Leaves the end of a request to the completion thread. Returns whether the socket has to be put
  /// on its list.
  func finish(_ number: UInt64, error: INT, byteCount: DWORD) -> Bool {
    let index = Int32(number)
    return state.withLock { state in
      self[index].pointee.error = error
      self[index].pointee.byteCount = byteCount
      self[index].pointee.next = -1
      if state.finishedTail < 0 {
        state.finishedHead = index
      } else {
        self[state.finishedTail].pointee.next = index
      }
      state.finishedTail = index
      return Self.queue(&state)
    }
  }

  /// Has the socket's event signalled. Returns as `finish` does.
  func requestEvent() -> Bool {
    state.withLock { state in
      state.event = true
      return Self.queue(&state)
    }
  }

  /// Has the socket's handle closed, after everything else. Returns as `finish` does.
  func requestClose() -> Bool {
    state.withLock { state in
      state.close = true
      return Self.queue(&state)
    }
  }

  private static func queue(_ state: inout State) -> Bool {
    if state.isQueued { return false }
    state.isQueued = true
    return true
  }

  /// Takes what is to be delivered next; after `nothing` the socket is off the list.
  func nextDelivery() -> Delivery {
    state.withLock { state in
      let index = state.finishedHead
      if index >= 0 {
        let request = self[index].pointee
        state.finishedHead = request.next
        if request.next < 0 { state.finishedTail = -1 }
        release(index, &state)
        return .completion(request)
      }
      if state.event {
        state.event = false
        return .event
      }
      if state.close {
        state.close = false
        return .close
      }
      state.isQueued = false
      return .nothing
    }
  }
}
