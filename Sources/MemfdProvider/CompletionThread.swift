import CLinuxMemory
import CWinsockDirect
import Glibc
import VirtualMemory

/// The thread from which the provider makes its upcalls about completions, events and closed
/// sockets: no lock is held in an upcall, and an adapter never waits for one.
///
/// Sockets that have something to deliver stand in a ring, each at most once; so it never grows.
final class CompletionThread: @unchecked Sendable {
  private struct Ring {
    var first = 0
    var count = 0
    var stops = false
  }

  private static var capacity: Int { ProviderLimits.maximumSockets }

  private let upcalls: WSPUPCALLTABLEEX
  private let ring = Lock(Ring())
  private let entries: UnsafeMutablePointer<Unmanaged<Socket>>
  private let wakeups: UnsafeMutablePointer<UInt32>
  private var thread = pthread_t()

  init(upcalls: WSPUPCALLTABLEEX) {
    self.upcalls = upcalls
    entries = .allocate(capacity: Self.capacity)
    wakeups = .allocate(capacity: 1)
    wakeups.initialize(to: 0)
  }

  deinit {
    entries.deallocate()
    wakeups.deallocate()
  }

  /// Starts the thread; once. Throws `.noBuffers` where the system has no room for one.
  func start() throws(SocketsError) {
    let context = Unmanaged.passRetained(self)
    // The application's signals are not for this thread.
    let mask = CLinuxMemory_block_signals()
    let error = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<CompletionThread>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    CLinuxMemory_restore_signals(mask)
    if error != 0 {
      context.release()
      throw .noBuffers
    }
  }

  /// Whether the caller is in an upcall of this thread.
  var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

  /// Puts a socket on the list; it must not be there. Any thread; no allocation.
  func enqueue(_ socket: Socket) {
    let entry = Unmanaged.passRetained(socket)
    ring.withLock { ring in
      precondition(ring.count < Self.capacity, "a socket stands in the ring twice")
      (entries + (ring.first + ring.count) % Self.capacity).initialize(to: entry)
      ring.count += 1
    }
    wake()
  }

  /// Ends the thread when everything has been delivered; waits for that, but not for itself.
  func stop() {
    ring.withLock { $0.stops = true }
    wake()
    if isCurrent {
      pthread_detach(thread)
    } else {
      pthread_join(thread, nil)
    }
  }

  private func wake() {
    SharedHalfWord(wakeups).add(1)
    CLinuxMemory_futex_wake(wakeups, 1)
  }

  private enum Next {
    case socket(Unmanaged<Socket>)
    case wait
    case stop
  }

  private func run() {
    while true {
      let seen = SharedHalfWord(wakeups).load()
      switch next() {
      case .socket(let entry): deliver(entry.takeRetainedValue())
      case .wait: _ = CLinuxMemory_futex_wait(wakeups, seen, -1)
      case .stop: return
      }
    }
  }

  private func next() -> Next {
    ring.withLock { ring in
      if ring.count == 0 { return ring.stops ? .stop : .wait }
      let entry = entries[ring.first]
      ring.first = (ring.first + 1) % Self.capacity
      ring.count -= 1
      return .socket(entry)
    }
  }

  private func deliver(_ socket: Socket) {
    while true {
      switch socket.requests.nextDelivery() {
      case .completion(let request): complete(request, of: socket)
      case .event: socket.signalRecordedEvents()
      case .close: close(socket)
      case .nothing: return
      }
    }
  }

  /// What the provider owns of the structure is written here; the rest is the upcall's (spec 5.5).
  private func complete(_ request: Request, of socket: Socket) {
    request.overlapped.pointee.OffsetHigh = DWORD(bitPattern: request.error)
    request.overlapped.pointee.Offset = 0
    var error: INT = 0
    _ = upcalls.lpWPUCompleteOverlappedRequest(
      socket.switchHandle, request.overlapped, DWORD(bitPattern: request.error),
      request.byteCount, &error)
  }

  /// The last upcall about a socket (C79).
  private func close(_ socket: Socket) {
    var error: INT = 0
    _ = upcalls.lpWPUCloseSocketHandle(socket.switchHandle, &error)
    socket.provider.sockets.release(socket)
  }
}
