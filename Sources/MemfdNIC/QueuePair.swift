import CLinuxMemory
import CMemfdNIC
import Glibc
package import VirtualMemory

/// One end of a connection: a send queue, a receive queue, and what the peer may reach.
///
/// Any thread may call; not for hook context. Completions come through the handlers.
package final class QueuePair: @unchecked Sendable {
  struct State {
    var engines: Engines?
    var isClosed = false
    var localPort: UInt16 = 0
    var peerPID: Int32 = 0
  }

  let nic: MemfdNIC
  let handlers: QueuePairHandlers
  let exposures: ExposureTable
  let sendQueue: WorkQueue
  let receiveQueue: WorkQueue
  let state = Lock(State())
  /// Held by who closes, so that a second one waits until all is over.
  let closing = Lock(())

  convenience init(nic: MemfdNIC, handlers: QueuePairHandlers) throws(MemfdNICError) {
    let exposures = try ExposureTable(protection: nic.resources.protection)
    self.init(nic: nic, handlers: handlers, exposures: exposures)
  }

  /// With the exposures of a connection that is there already.
  init(nic: MemfdNIC, handlers: QueuePairHandlers, exposures: ExposureTable) {
    self.nic = nic
    self.handlers = handlers
    self.exposures = exposures
    let protection = nic.resources.protection
    sendQueue = WorkQueue(
      protection: protection, isAccepting: false, completed: handlers.completed)
    receiveQueue = WorkQueue(
      protection: protection, isAccepting: true, completed: handlers.completed)
  }

  /// The port of this end; 0 before there is one.
  package var localPort: UInt16 { state.withLock { $0.localPort } }

  /// The process at the other end; 0 before there is one.
  package var peerPID: Int32 { state.withLock { $0.peerPID } }

  // MARK: Connecting

  /// Starts to connect.
  ///
  /// Throws what is known at once: `noListener`, `connectionRefused` (too many wait there),
  /// `addressInUse` (the local port), `notPermitted` (a listener of another user), `invalidState`.
  /// The queue pair can then be used again. Otherwise the handler `established` or `failed` is
  /// called later.
  ///
  /// - Parameter localPort: 0: a free one is chosen.
  package func connect(
    to address: IPv4Address, port: UInt16, localPort: UInt16
  ) throws(MemfdNICError) {
    try state.withLock { (state) throws(MemfdNICError) in
      if state.isClosed || state.engines != nil { throw .invalidState }
      let number = CMemfdNIC_socket()
      if number < 0 { throw .system(errno: -number) }
      let socket = Descriptor(number)
      let boundPort = try RendezvousName.bind(
        socket, nic.configuration.address, port: localPort)
      try Self.check(RendezvousName(address, port: port).connect(socket))
      let process = try SocketPeer.process(of: socket)
      let links = try introduce(socket, port: boundPort)
      state.engines = try start(links, process: process, peer: nil)
      state.localPort = boundPort
      state.peerPID = process
    }
  }

  private static func check(_ connected: Int32) throws(MemfdNICError) {
    switch connected {
    case 0: return
    case -ECONNREFUSED: throw .noListener
    case -EAGAIN: throw .connectionRefused
    default: throw .system(errno: -connected)
    }
  }

  /// Makes the pipes, and sends the peer its ends of them with the hello.
  private func introduce(
    _ socket: consuming Descriptor, port: UInt16
  ) throws(MemfdNICError) -> Links {
    let outbound = try Pipe(bytes: Limits.pipeBytes)
    let inbound = try Pipe(bytes: Limits.pipeBytes)
    var hello = WireMessage(.hello)
    hello.version = WireMessage.version
    hello.connection = exposures.connection
    hello.address = nic.configuration.address.rawValue
    hello.port = port
    let descriptors = [
      outbound.readEnd.number, inbound.writeEnd.number, exposures.accessDescriptor,
    ]
    let sent = CMemfdNIC_send(
      socket.number, &hello, WireMessage.byteCount, nil, 0, descriptors,
      Int32(descriptors.count))
    if sent == -Int(EPIPE) || sent == -Int(ECONNRESET) { throw .connectionRefused }
    if sent < 0 { throw .system(errno: Int32(-sent)) }
    return try Links(socket: socket, inbound: inbound.readEnd, outbound: outbound.writeEnd)
  }

  /// Makes the connection and starts its engines.
  ///
  /// - Parameter peer: What the peer said of itself, where that is known already.
  private func start(
    _ links: consuming Links, process: Int32, peer: consuming PeerIntroduction?
  ) throws(MemfdNICError) -> Engines {
    let connection = try Connection(
      links, nic: nic.resources, exposures: exposures, sendQueue: sendQueue,
      receiveQueue: receiveQueue, handlers: handlers, peerPID: process)
    guard let peer = consume peer else {
      let engines = try Engines(connection, nic: nic.resources, isEstablished: false)
      try engines.start()
      return engines
    }
    connection.setPeer(peer)
    let engines = try Engines(connection, nic: nic.resources, isEstablished: true)
    var accept = WireMessage(.accept)
    accept.version = WireMessage.version
    accept.connection = exposures.connection
    if connection.send(accept, descriptor: exposures.accessDescriptor) != 0 {
      throw .connectionReset
    }
    connection.wasEstablished()
    try engines.start()
    return engines
  }

  /// Connects with a peer that has asked for it.
  func accept(
    _ links: consuming Links, peer: consuming PeerIntroduction, localPort: UInt16
  ) throws(MemfdNICError) {
    // A closure cannot consume what it captures, but for an optional that it empties.
    var offer: (Links)? = consume links
    var introduction: PeerIntroduction? = consume peer
    try state.withLock { (state) throws(MemfdNICError) in
      if state.isClosed || state.engines != nil { throw .invalidState }
      guard let links = offer.take(), let peer = introduction.take() else {
        preconditionFailure("a request is accepted once")
      }
      let process = peer.process
      state.engines = try start(links, process: process, peer: peer)
      state.localPort = localPort
      state.peerPID = process
    }
  }

  // MARK: Posting

  /// Posts a receive for one message; before the connection is established, too.
  ///
  /// Throws `queueFull`, `tooManySegments`, `invalidKey`, `outOfBounds`, `notConnected` (it has
  /// ended); nothing was started then. Never waits; `segments` may change when it returns.
  package func postReceive(
    _ segments: UnsafeBufferPointer<LocalSegment>, context: UInt64
  ) throws(MemfdNICError) {
    let request = WorkRequest(.receive, segments: segments, context: context)
    try check(segments, maximum: UInt64(UInt32.max), total: request.total)
    try receiveQueue.post(request, segments)
    state.withLock { $0.engines }?.connection.receivePosted()
  }

  /// Posts a message. As `postReceive`; `messageTooLong` where it is.
  package func postSend(
    _ segments: UnsafeBufferPointer<LocalSegment>, context: UInt64
  ) throws(MemfdNICError) {
    let request = WorkRequest(.send, segments: segments, context: context)
    try check(segments, maximum: UInt64(Limits.maximumMessageBytes), total: request.total)
    try post(request, segments)
  }

  /// Posts an RDMA write of the segments, one after the other, to `offset` bytes into what the
  /// peer exposed.
  ///
  /// As `postReceive`; also `messageTooLong`, `invalidDescriptor`, `accessDenied`, `outOfBounds`
  /// where the descriptor itself says that the peer would refuse.
  package func postWrite(
    _ segments: UnsafeBufferPointer<LocalSegment>, remote: RemoteDescriptor, offset: UInt64,
    context: UInt64
  ) throws(MemfdNICError) {
    let request = WorkRequest(
      .write, segments: segments, remote: remote, offset: offset, context: context)
    try check(request, segments, remote, wants: .write)
    try post(request, segments)
  }

  /// Posts an RDMA read into the segments. As `postWrite`.
  package func postRead(
    _ segments: UnsafeBufferPointer<LocalSegment>, remote: RemoteDescriptor, offset: UInt64,
    context: UInt64
  ) throws(MemfdNICError) {
    let request = WorkRequest(
      .read, segments: segments, remote: remote, offset: offset, context: context)
    try check(request, segments, remote, wants: .read)
    try post(request, segments)
  }

  private func post(
    _ request: WorkRequest, _ segments: UnsafeBufferPointer<LocalSegment>
  ) throws(MemfdNICError) {
    guard let engines = state.withLock({ $0.engines }) else { throw .notConnected }
    try sendQueue.post(request, segments)
    engines.connection.wakeTransmitter()
  }

  private func check(
    _ segments: UnsafeBufferPointer<LocalSegment>, maximum: UInt64, total: UInt64
  ) throws(MemfdNICError) {
    if segments.count > Limits.maximumSegments { throw .tooManySegments }
    if total > maximum { throw .messageTooLong }
    for segment in segments {
      guard let range = AddressRange(start: segment.address, length: UInt(segment.length)) else {
        throw .outOfBounds
      }
      try nic.resources.protection.check(range, in: segment.key)
    }
  }

  private func check(
    _ request: WorkRequest, _ segments: UnsafeBufferPointer<LocalSegment>,
    _ remote: RemoteDescriptor, wants access: MemoryAccess
  ) throws(MemfdNICError) {
    try check(segments, maximum: UInt64(Limits.maximumTransferBytes), total: request.total)
    guard let connection = establishedConnection else { throw .notConnected }
    guard remote.magic == RemoteDescriptor.magicNumber, remote.reserved == 0,
      remote.isMapped <= 1, remote.connection == connection.peerConnection
    else { throw .invalidDescriptor }
    if !MemoryAccess(rawValue: remote.access).contains(access) { throw .accessDenied }
    let (end, overflow) = request.offset.addingReportingOverflow(request.total)
    if overflow || end > remote.length { throw .outOfBounds }
  }

  private var establishedConnection: Connection? {
    guard let connection = state.withLock({ $0.engines })?.connection, sendQueue.isAccepting else {
      return nil
    }
    return connection
  }

  // MARK: Exposing

  /// Lets the peer reach exactly the bytes of `range`, which lies in the registration `key`, until
  /// `conceal` or the end of the connection.
  ///
  /// Throws `notConnected`, `invalidKey`, `outOfBounds`, `exhausted`.
  package func expose(
    _ range: AddressRange, key: RegistrationKey, access: MemoryAccess
  ) throws(MemfdNICError) -> RemoteDescriptor {
    guard let connection = establishedConnection else { throw .notConnected }
    return try exposures.expose(
      range, key: key, access: access, socket: connection.links.socket.number)
  }

  /// Ends an exposure: the peer cannot reach the memory any more.
  ///
  /// Throws `inUse` while the peer is inside (nothing has changed then), `invalidDescriptor` where
  /// the descriptor is not one that `expose` gave and that is in force.
  package func conceal(_ descriptor: RemoteDescriptor) throws(MemfdNICError) {
    try exposures.conceal(descriptor)
  }

  // MARK: Closing

  /// Ends the connection, completes everything pending with `aborted`, and returns when no handler
  /// will be called any more. Idempotent; not from a handler.
  package func close() {
    closing.withLock { _ in
      let (engines, wasClosed) = state.withLock { (state) -> (Engines?, Bool) in
        defer { state.isClosed = true }
        return (state.engines, state.isClosed)
      }
      if wasClosed { return }
      if let engines {
        engines.stop()
      } else {
        receiveQueue.abandon(.aborted)
      }
      exposures.closeAll()
      nic.forget(self, isReleased: release(within: Limits.closingNanoseconds))
    }
  }

  /// Gives up the socket and the exposures, unless the peer is still inside mapped memory after
  /// `nanoseconds`: then a registration that is invalidated must still be able to wait for it.
  func release(within nanoseconds: UInt64) -> Bool {
    let deadline = CLinuxMemory_monotonic() + nanoseconds
    while let occupied = exposures.releaseAll() {
      if CLinuxMemory_monotonic() >= deadline { return false }
      occupied.waitUntilEmpty(nanoseconds: Limits.pollNanoseconds)
    }
    state.withLock { $0.engines = nil }
    return true
  }
}
