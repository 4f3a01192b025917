import CWinsockDirect
import Glibc
import Inspection
import MemfdNIC
import VirtualMemory

/// WSPConnect (C25, C26). After WSPEventSelect(FD_CONNECT) it does not wait; the event follows.
func connect(
  _ s: SOCKET, _ name: UnsafePointer<sockaddr>?, _ namelen: INT, _ lpCallerData: LPWSABUF?,
  _ lpCalleeData: LPWSABUF?, _ lpSQOS: LPQOS?, _ lpGQOS: LPQOS?, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let address = try SocketAddress(
      name, namelen, unknownFamily: SocketsError(WSAEAFNOSUPPORT))
    let waits = try socket.beginConnecting(to: address)
    do throws(MemfdNICError) {
      try socket.startConnecting(to: address)
    } catch {
      let error = socket.connectError(error)
      socket.connection.withLock { connection in
        if connection.phase == .connecting { connection.phase = .bound }
        socket.publish(connection)
      }
      throw error
    }
    if !waits { throw .wouldBlock }
    try socket.waitUntilConnected()
  }
}

extension Socket {
  /// Checks the state, and chooses the adapter by the address where the socket is not bound to one.
  /// Returns whether the caller wants to wait.
  fileprivate func beginConnecting(to address: SocketAddress) throws(SocketsError) -> Bool {
    let reaching = provider.adapters.index(reaching: address.address)
    return try connection.withLock { (connection) throws(SocketsError) in
      switch connection.phase {
      case .created, .bound: break
      case .connecting: throw SocketsError(WSAEALREADY)
      case .connected, .disconnected, .handedOver: throw SocketsError(WSAEISCONN)
      case .listening: throw .invalid
      case .closed, .free: throw .notSocket
      }
      if address.isWildcard || address.port == 0 { throw SocketsError(WSAEADDRNOTAVAIL) }
      if connection.local.isWildcard {
        guard let reaching else { throw SocketsError(WSAENETUNREACH) }
        connection.adapter = reaching
        connection.local.address = provider.adapters[reaching].configuration.address
      }
      connection.remote = address
      connection.phase = .connecting
      connection.failure = nil
      connection.events.recorded &= ~FD_CONNECT
      publish(connection)
      return connection.events.selected & FD_CONNECT == 0
    }
  }

  fileprivate func startConnecting(to address: SocketAddress) throws(MemfdNICError) {
    let (adapter, port, old) = connection.withLock { connection in
      let old = connection.queuePair
      connection.queuePair = nil
      return (connection.adapter, connection.local.port, old)
    }
    // Of an attempt that failed: it could not be closed where that was heard.
    old?.close()
    let queuePair = try makeQueuePair(on: adapter)
    let isOpen = connection.withLock { connection in
      if connection.phase != .connecting { return false }
      connection.queuePair = queuePair
      return true
    }
    // Closed meanwhile by another thread.
    guard isOpen else {
      queuePair.close()
      throw .aborted
    }
    try queuePair.connect(to: address.address, port: address.port, localPort: port)
  }

  /// What a failed connect is called.
  func connectError(_ error: MemfdNICError) -> SocketsError {
    let address = connection.withLock { $0.remote.address }
    return SocketsError(
      connecting: error, isOurs: provider.adapters.index(of: address) != nil)
  }

  fileprivate func waitUntilConnected() throws(SocketsError) {
    wait { $0.phase != .connecting }
    try connection.withLock { (connection) throws(SocketsError) in
      connection.events.recorded &= ~FD_CONNECT
      switch connection.phase {
      case .connected: return
      case .disconnected: throw connection.failure ?? SocketsError(WSAECONNRESET)
      case .closed, .free: throw .notSocket
      default: throw SocketsError(connection.events.connectError)
      }
    }
  }
}
