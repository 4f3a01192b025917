import CWinsockDirect
import Glibc
import Pindown

// Sockets and connections. Nothing waits: a connect is always the kind that an event ends.

extension Provider {
  mutating func socket(family: INT, type: INT, protocol kind: INT) throws(Failure) -> SOCKET {
    if starts == 0 { throw Failure(WSANOTINITIALISED) }
    if family != AF_INET { throw Failure(WSAEAFNOSUPPORT) }
    if type != INT(SOCK_STREAM.rawValue) { throw Failure(WSAESOCKTNOSUPPORT) }
    if kind != 0 && kind != INT(IPPROTO_TCP) { throw Failure(WSAEPROTONOSUPPORT) }
    return try makeSocket().descriptor
  }

  private static func endpoint(
    _ name: UnsafePointer<sockaddr>?, _ length: INT
  ) throws(Failure) -> (address: UInt32, port: UInt16) {
    guard let name, length >= INT(MemoryLayout<sockaddr_in>.size) else {
      throw Failure(WSAEFAULT)
    }
    let value = UnsafeRawPointer(name).loadUnaligned(as: sockaddr_in.self)
    if value.sin_family != sa_family_t(AF_INET) { throw Failure(WSAEAFNOSUPPORT) }
    return (UInt32(bigEndian: value.sin_addr.s_addr), UInt16(bigEndian: value.sin_port))
  }

  mutating func bind(
    _ s: SOCKET, _ name: UnsafePointer<sockaddr>?, _ length: INT
  ) throws(Failure) {
    let socket = try socket(s)
    let (address, port) = try Self.endpoint(name, length)
    if address != 0 && address != Adapter.address { throw Failure(WSAEADDRNOTAVAIL) }
    if socket.phase != .created { throw Failure(WSAEINVAL) }
    socket.port = port
    socket.phase = .bound
  }

  mutating func listen(_ s: SOCKET) throws(Failure) {
    let socket = try socket(s)
    if socket.phase != .bound { throw Failure(WSAEINVAL) }
    if listener(at: socket.port) != nil { throw Failure(WSAENOBUFS) }
    socket.phase = .listening
  }

  private func listener(at port: UInt16) -> LoopbackSocket? {
    sockets.values.first { $0.phase == .listening && $0.port == port }
  }

  mutating func connect(
    _ s: SOCKET, _ name: UnsafePointer<sockaddr>?, _ length: INT
  ) throws(Failure) {
    let socket = try socket(s)
    let (address, port) = try Self.endpoint(name, length)
    if socket.phase != .bound && socket.phase != .created { throw Failure(WSAEISCONN) }
    if socket.selected & LONG(FD_CONNECT) == 0 { throw Failure(WSAEOPNOTSUPP) }
    if address != Adapter.address { throw Failure(WSAETIMEDOUT) }
    guard let listener = listener(at: port) else { throw Failure(WSAECONNRESET) }
    socket.phase = .connecting
    listener.callers.append(socket)
    record(LONG(FD_ACCEPT), on: listener)
    throw Failure(WSAEWOULDBLOCK)
  }

  /// Accepts the first caller. Its condition function is not asked: it could call us back.
  mutating func accept(
    _ s: SOCKET, _ name: UnsafeMutablePointer<sockaddr>?, _ length: LPINT?
  ) throws(Failure) -> SOCKET {
    let listener = try socket(s)
    let size = MemoryLayout<sockaddr_in>.size
    if name != nil && (length?.pointee ?? 0) < INT(size) { throw Failure(WSAEFAULT) }
    if listener.phase != .listening { throw Failure(WSAEINVAL) }
    listener.recorded &= ~LONG(FD_ACCEPT)
    listener.callers.removeAll { $0.phase != .connecting }
    guard let caller = listener.callers.first else { throw Failure(WSAEWOULDBLOCK) }
    let accepted = try makeSocket()
    listener.callers.removeFirst()
    (accepted.phase, caller.phase) = (.connected, .connected)
    (accepted.peer, caller.peer) = (caller, accepted)
    accepted.port = listener.port
    record(LONG(FD_CONNECT), on: caller)
    if !listener.callers.isEmpty { record(LONG(FD_ACCEPT), on: listener) }
    var from = sockaddr_in()
    from.sin_family = sa_family_t(AF_INET)
    from.sin_addr.s_addr = Adapter.address.bigEndian
    from.sin_port = caller.port.bigEndian
    if let name { UnsafeMutableRawPointer(name).copyMemory(from: &from, byteCount: size) }
    length?.pointee = INT(size)
    return accepted.descriptor
  }

  mutating func select(_ s: SOCKET, _ event: WSAEVENT?, _ events: LONG) throws(Failure) {
    let socket = try socket(s)
    if events & ~LONG(FD_ACCEPT | FD_CONNECT) != 0 { throw Failure(WSAEINVAL) }
    (socket.event, socket.selected) = (event, events)
    record(socket.recorded & events, on: socket)
  }

  mutating func takeEvents(
    _ s: SOCKET, _ event: WSAEVENT?, _ events: LPWSANETWORKEVENTS?
  ) throws(Failure) {
    let socket = try socket(s)
    guard let events else { throw Failure(WSAEFAULT) }
    var error: INT = 0
    if let event { _ = upcalls.lpWPUResetEvent(event, &error) }
    var taken = WSANETWORKEVENTS()
    taken.lNetworkEvents = socket.recorded & socket.selected
    withUnsafeMutableBytes(of: &taken.iErrorCode) { codes in
      codes.storeBytes(
        of: socket.connectError, toByteOffset: 4 * Int(FD_CONNECT_BIT), as: INT.self)
    }
    socket.recorded &= ~taken.lNetworkEvents
    events.pointee = taken
  }
}
