import CWinsockDirect
import Glibc
import Inspection
import MemfdNIC
import VirtualMemory

/// WSPAccept (C28-C30). Never waits: with nothing pending it answers WSAEWOULDBLOCK.
func accept(
  _ s: SOCKET, _ addr: UnsafeMutablePointer<sockaddr>?, _ addrlen: LPINT?,
  _ lpfnCondition: LPCONDITIONPROC?, _ dwCallbackData: DWORD_PTR, _ lpErrno: LPINT?
) -> SOCKET {
  answer(lpErrno, failure: INVALID_SOCKET) { () throws(SocketsError) in
    let listening = try Provider.started().sockets.socket(s)
    let name = try PeerName(addr, addrlen)
    let waiting = try listening.takeRequest()
    let peer = SocketAddress(address: waiting.request.peerAddress, port: waiting.request.peerPort)
    let accepted = try listening.accept(
      waiting, from: peer, condition: lpfnCondition, callbackData: dwCallbackData)
    do throws(SocketsError) {
      try name?.store(peer)
    } catch {
      _ = accepted.close()
      throw error
    }
    return accepted.descriptor
  }
}

/// Where a caller wants the peer's address: known to be writable before a connection is taken.
private struct PeerName {
  private let address: CallerVariable<sockaddr_in>
  private let length: CallerVariable<INT>

  /// Nil where the caller does not ask. Throws `.fault` for too little room.
  init?(_ addr: UnsafeMutablePointer<sockaddr>?, _ addrlen: LPINT?) throws(SocketsError) {
    guard let addr else { return nil }
    length = try CallerVariable(addrlen)
    if length.value < INT(SocketAddress.byteCount) { throw .fault }
    address = try CallerVariable(addr)
  }

  func store(_ peer: SocketAddress) throws(SocketsError) {
    try address.store(peer.value)
    try length.store(INT(SocketAddress.byteCount))
  }
}

extension Socket {
  /// The connection request that has waited longest, with its event taken back.
  fileprivate func takeRequest() throws(SocketsError) -> WaitingRequest {
    let (deferred, listeners) = try connection.withLock { (connection) throws(SocketsError) in
      if connection.phase == .closed { throw .notSocket }
      if connection.phase != .listening { throw .invalid }
      connection.events.recorded &= ~FD_ACCEPT
      let deferred = connection.request
      connection.request = nil
      return (deferred, connection.listeners)
    }
    guard let waiting = deferred ?? Self.nextRequest(of: listeners) else { throw .wouldBlock }
    return waiting
  }

  private static func nextRequest(of listeners: [AdapterListener]) -> WaitingRequest? {
    for entry in listeners {
      if let request = entry.listener.nextRequest() {
        return WaitingRequest(adapter: entry.adapter, request: request)
      }
    }
    return nil
  }

  /// Lets the switch decide and does what it says.
  fileprivate func accept(
    _ waiting: WaitingRequest, from peer: SocketAddress, condition: LPCONDITIONPROC?,
    callbackData: DWORD_PTR
  ) throws(SocketsError) -> Socket {
    let verdict = condition.map { ask($0, callbackData, peer) } ?? CF_ACCEPT
    if verdict == CF_DEFER {
      // The switch comes back by itself: no event calls it.
      putBack(waiting)
      throw SocketsError(WSATRY_AGAIN)
    }
    defer { signalNextRequest() }
    switch verdict {
    case CF_ACCEPT: return try confirm(waiting, from: peer)
    case CF_REJECT:
      waiting.request.reject()
      throw SocketsError(WSAECONNREFUSED)
    default:
      waiting.request.reject()
      throw .invalid
    }
  }

  /// Calls the condition function, on this thread and before the peer learns anything (C28).
  private func ask(
    _ condition: LPCONDITIONPROC, _ callbackData: DWORD_PTR, _ peer: SocketAddress
  ) -> INT {
    var caller = peer.value
    var callee = connection.withLock { $0.local }.value
    return withUnsafeMutableBytes(of: &caller) { caller in
      withUnsafeMutableBytes(of: &callee) { callee in
        var callerID = WSABUF(caller)
        var calleeID = WSABUF(callee)
        var callerData = WSABUF(len: 0, buf: nil)
        var calleeData = WSABUF(len: 0, buf: nil)
        var group: GROUP = 0
        return condition(
          &callerID, &callerData, nil, nil, &calleeID, &calleeData, &group, callbackData)
      }
    }
  }

  /// Has the event signalled again where another request waits (C30).
  private func signalNextRequest() {
    let (hasOne, listeners) = connection.withLock { connection in
      (connection.request != nil, connection.listeners)
    }
    if hasOne { return recordEvent(FD_ACCEPT) }
    guard let waiting = Self.nextRequest(of: listeners) else { return }
    putBack(waiting)
    recordEvent(FD_ACCEPT)
  }

  private func putBack(_ waiting: WaitingRequest) {
    let isKept = connection.withLock { connection in
      if connection.phase != .listening || connection.request != nil { return false }
      connection.request = waiting
      return true
    }
    if !isKept { waiting.request.reject() }
  }

  /// Makes the socket for the new connection and confirms it to the peer.
  private func confirm(
    _ waiting: WaitingRequest, from peer: SocketAddress
  ) throws(SocketsError) -> Socket {
    let accepted: Socket
    do throws(SocketsError) {
      accepted = try Socket.make(provider)
    } catch {
      waiting.request.reject()
      throw error
    }
    let local = SocketAddress(
      address: provider.adapters[waiting.adapter].configuration.address,
      port: connection.withLock { $0.local.port })
    do throws(MemfdNICError) {
      try accepted.finishAccepting(waiting, local: local, peer: peer)
    } catch {
      _ = accepted.close()
      throw SocketsError(accepting: error)
    }
    return accepted
  }

  private func finishAccepting(
    _ waiting: WaitingRequest, local: SocketAddress, peer: SocketAddress
  ) throws(MemfdNICError) {
    let queuePair = try makeQueuePair(on: waiting.adapter)
    connection.withLock { connection in
      connection.adapter = waiting.adapter
      connection.local = local
      connection.remote = peer
      connection.peerPID = waiting.request.peerPID
      connection.queuePair = queuePair
    }
    try waiting.request.accept(as: queuePair)
    connection.withLock { connection in
      // The peer may have gone already.
      connection.phase = connection.failure == nil ? .connected : .disconnected
      connection.isCounted = true
      provider.adapters.connectionOpened(waiting.adapter)
      publish(connection)
      appendEvent(.connected, connection)
    }
  }
}

extension WSABUF {
  fileprivate init(_ bytes: UnsafeMutableRawBufferPointer) {
    self.init(
      len: ULONG(bytes.count), buf: bytes.baseAddress?.assumingMemoryBound(to: CHAR.self))
  }
}
