import CWinsockDirect
import Glibc
import Inspection
import MemfdNIC
import VirtualMemory

// WSPSocket, WSPBind, WSPCloseSocket.

/// WSPSocket (C20-C22): a stream socket over IPv4, always for overlapped requests. Where the
/// protocol information comes from WSPDuplicateSocket, the socket that it names (C83-C85).
func makeSocket(
  _ af: INT, _ type: INT, _ protocol: INT, _ lpProtocolInfo: LPWSAPROTOCOL_INFOW?, _ g: GROUP,
  _ dwFlags: DWORD, _ lpErrno: LPINT?
) -> SOCKET {
  answer(lpErrno, failure: INVALID_SOCKET) { () throws(SocketsError) in
    let provider = try Provider.started()
    if let lpProtocolInfo {
      let information = try CallerMemory.read(lpProtocolInfo, as: WSAPROTOCOL_INFOW.self)
      if let token = HandoverToken(rawValue: information.dwProviderReserved) {
        return try Socket.takeOver(token, provider).descriptor
      }
    }
    if af != AF_INET { throw SocketsError(WSAEAFNOSUPPORT) }
    if type != INT(SOCK_STREAM.rawValue) { throw SocketsError(WSAESOCKTNOSUPPORT) }
    // 0 leaves the choice to the provider, which has one.
    if `protocol` != 0 && `protocol` != INT(IPPROTO_TCP) {
      throw SocketsError(WSAEPROTONOSUPPORT)
    }
    // There are no groups without quality of service.
    if g != 0 { throw .invalid }
    return try Socket.make(provider).descriptor
  }
}

/// WSPBind (C23). Whether the port is free is seen when the socket listens or connects.
func bind(_ s: SOCKET, _ name: UnsafePointer<sockaddr>?, _ namelen: INT, _ lpErrno: LPINT?) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let provider = try Provider.started()
    let socket = try provider.sockets.socket(s)
    let address = try SocketAddress(name, namelen, unknownFamily: .fault)
    let adapter = address.isWildcard ? -1 : provider.adapters.index(of: address.address)
    guard let adapter else { throw SocketsError(WSAEADDRNOTAVAIL) }
    try socket.connection.withLock { (connection) throws(SocketsError) in
      if connection.phase != .created { throw .invalid }
      connection.phase = .bound
      connection.local = address
      connection.adapter = adapter
      socket.publish(connection)
    }
  }
}

/// WSPCloseSocket (C33, C79, C81). What was pending has ended as aborted when it returns; what the
/// completion thread still has to tell the switch, WPUCloseSocketHandle last, follows from there,
/// so that a switch may close in an upcall or with its own locks held.
func closeSocket(_ s: SOCKET, _ lpErrno: LPINT?) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    guard socket.close() else { throw .notSocket }
  }
}

extension Socket {
  /// Ends everything about the socket. Returns false where another call does so already. Not from
  /// an engine thread.
  func close() -> Bool {
    guard provider.sockets.remove(self) else { return false }
    let old = connection.withLock { connection in
      let old = connection
      connection.phase = .closed
      connection.queuePair = nil
      connection.listeners = []
      connection.request = nil
      connection.events = SocketEvents()
      connection.isCounted = false
      publish(connection)
      return old
    }
    for entry in old.listeners { entry.listener.close() }
    old.request?.request.reject()
    old.queuePair?.close()
    releaseMemory(old.queuePair)
    if old.phase == .connected { appendEvent(.disconnected, old) }
    if old.isCounted { provider.adapters.connectionClosed(old.adapter, provider.cache) }
    if requests.requestClose() { provider.completions.enqueue(self) }
    return true
  }
}
