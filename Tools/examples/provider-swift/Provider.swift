import CWinsockDirect
import Glibc
import Pindown

/// Why a call fails: an error number of Windows Sockets.
struct Failure: Error {
  let code: INT

  init(_ code: INT) { self.code = code }
}

/// The provider of this process.
struct Provider {
  /// What is to be told to the switch when the lock is free again: upcalls are made without it.
  enum News {
    case event(WSAEVENT)
    case completion(SOCKET, LPWSAOVERLAPPED, error: INT, byteCount: Int)
    case closed(SOCKET)
  }

  var starts = 0
  var upcalls = WSPUPCALLTABLEEX()
  var adapter = 0
  var sockets: [SOCKET: LoopbackSocket] = [:]
  var nextNumber: UInt = 0
  var news: [News] = []

  private static let shared = Guarded(Provider())

  /// The cache, for the callback, which may take no lock. Set while the provider is started.
  nonisolated(unsafe) static var cache: RegistrationCache?

  /// Runs a call of the SPI under the lock, stores its error, and then tells the switch what came of
  /// it.
  static func respond<Answer>(
    _ error: LPINT?, failure: Answer, _ body: (inout Provider) throws(Failure) -> Answer
  ) -> Answer {
    var answer = failure
    var code: INT = 0
    let (news, upcalls) = shared.withLock { provider in
      do throws(Failure) {
        answer = try body(&provider)
      } catch {
        code = error.code
      }
      defer { provider.news = [] }
      return (provider.news, provider.upcalls)
    }
    error?.pointee = code
    for item in news { tell(item, upcalls) }
    return answer
  }

  private static func tell(_ news: News, _ upcalls: WSPUPCALLTABLEEX) {
    var ignored: INT = 0
    switch news {
    case .event(let event): _ = upcalls.lpWPUSetEvent(event, &ignored)
    case .closed(let handle): _ = upcalls.lpWPUCloseSocketHandle(handle, &ignored)
    case .completion(let handle, let overlapped, let error, let byteCount):
      overlapped.pointee.OffsetHigh = DWORD(error)
      overlapped.pointee.Offset = 0
      if UInt(bitPattern: overlapped.pointee.hEvent) & 1 == 0 {
        _ = upcalls.lpWPUCompleteOverlappedRequest(
          handle, overlapped, DWORD(error), DWORD(byteCount), &ignored)
      } else {
        overlapped.pointee.InternalHigh = ULONG_PTR(byteCount)
        SharedWord(UnsafeMutableRawPointer(overlapped)).storeReleasing(UInt64(error))
      }
    }
  }

  func socket(_ descriptor: SOCKET) throws(Failure) -> LoopbackSocket {
    if starts == 0 { throw Failure(WSANOTINITIALISED) }
    guard let socket = sockets[descriptor] else { throw Failure(WSAENOTSOCK) }
    return socket
  }

  func connected(_ descriptor: SOCKET) throws(Failure) -> LoopbackSocket {
    let socket = try socket(descriptor)
    switch socket.phase {
    case .connected: return socket
    case .ended: throw Failure(WSAECONNRESET)
    default: throw Failure(WSAENOTCONN)
    }
  }

  /// A number that nothing else has had.
  mutating func number() -> UInt {
    nextNumber += 1
    return nextNumber << 4
  }

  /// The one upcall that is made with the lock: it gives a handle, and calls nobody back.
  mutating func makeSocket() throws(Failure) -> LoopbackSocket {
    var error: INT = 0
    let descriptor = SOCKET(number())
    let handle = upcalls.lpWPUCreateSocketHandle(0, DWORD_PTR(descriptor), &error)
    if handle == INVALID_SOCKET { throw Failure(error == 0 ? WSAENOBUFS : error) }
    let socket = LoopbackSocket(descriptor: descriptor, handle: handle)
    sockets[descriptor] = socket
    return socket
  }

  mutating func record(_ event: LONG, on socket: LoopbackSocket) {
    socket.recorded |= event
    if socket.selected & event != 0, let signalled = socket.event { news.append(.event(signalled)) }
  }

  mutating func close(_ socket: LoopbackSocket) {
    sockets[socket.descriptor] = nil
    for caller in socket.callers { refuse(caller) }
    if let peer = socket.peer { end(peer, WSAECONNRESET) }
    end(socket, WSA_OPERATION_ABORTED)
    for registration in socket.registrations.values { Self.cache?.release(registration.region) }
    for registration in socket.exposed.values { Self.cache?.release(registration.region) }
    let isLast = !sockets.values.contains { $0.phase == .connected }
    if isLast { Self.cache?.releaseCached(adapter: adapter) }
    news.append(.closed(socket.handle))
  }

  mutating func refuse(_ caller: LoopbackSocket) {
    caller.phase = .bound
    caller.connectError = WSAECONNREFUSED
    record(LONG(FD_CONNECT), on: caller)
  }

  private mutating func end(_ socket: LoopbackSocket, _ error: INT) {
    socket.phase = .ended
    socket.peer = nil
    for receive in socket.receives {
      news.append(.completion(socket.handle, receive.overlapped, error: error, byteCount: 0))
    }
    socket.receives = []
  }
}
