import CMemfdNIC
import Glibc
import Inspection
import VirtualMemory

/// A port at which peers can connect.
package final class Listener: @unchecked Sendable {
  package let port: UInt16

  private let nic: MemfdNIC
  /// The thread's own; closed when it ends, and with it the port.
  private var socket: Descriptor?
  private let backlog: Int
  private let requested: @Sendable () -> Void
  private let wake: EventSignal
  private let pending = Lock<Pending>(Pending())
  private let thread = Lock<pthread_t?>(nil)
  /// The thread's own: peers that have connected and not said yet what they want, oldest first.
  private var halfOpen: [HalfOpen] = []

  private struct Pending {
    var requests: [ConnectionRequest] = []
    var isClosed = false
  }

  private final class HalfOpen {
    let socket: Descriptor
    let process: Int32
    init(socket: consuming Descriptor, process: Int32) {
      self.socket = socket
      self.process = process
    }
  }

  init(
    nic: MemfdNIC, port: UInt16, backlog: Int, requested: @escaping @Sendable () -> Void
  ) throws(MemfdNICError) {
    self.nic = nic
    self.backlog = max(backlog, 1)
    self.requested = requested
    wake = try EventSignal()
    let number = CMemfdNIC_socket()
    if number < 0 { throw .system(errno: -number) }
    let socket = Descriptor(number)
    self.port = try RendezvousName.bind(socket, nic.configuration.address, port: port)
    let error = CMemfdNIC_listen(socket.number, Limits.listenBacklog)
    if error < 0 { throw .system(errno: -error) }
    self.socket = consume socket
    try start()
  }

  private func start() throws(MemfdNICError) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let error = CMemfdNIC_start(
      &thread, "pindown-listen",
      { context in
        guard let context else { preconditionFailure("a thread without its listener") }
        Unmanaged<Listener>.fromOpaque(context).takeRetainedValue().run()
      }, context.toOpaque())
    if error != 0 {
      context.release()
      throw error == -ENOMEM || error == -EAGAIN ? .exhausted : .system(errno: -error)
    }
    self.thread.withLock { $0 = thread }
  }

  // MARK: The owner's side

  /// The oldest request that nobody has taken; nil where there is none.
  package func nextRequest() -> ConnectionRequest? {
    pending.withLock { $0.requests.isEmpty ? nil : $0.requests.removeFirst() }
  }

  /// Stops listening; requests that nobody has taken are rejected. Idempotent; not from the
  /// handler.
  package func close() {
    guard let thread = thread.withLock({ $0.take() }) else { return }
    precondition(
      pthread_equal(pthread_self(), thread) == 0, "a listener is not closed from its handler")
    let rejected = pending.withLock { (pending) -> [ConnectionRequest] in
      pending.isClosed = true
      defer { pending.requests = [] }
      return pending.requests
    }
    for request in rejected { request.reject() }
    wake.signal()
    pthread_join(thread, nil)
    nic.forget(self)
  }

  private var isClosed: Bool { pending.withLock { $0.isClosed } }

  // MARK: The thread

  private func run() {
    guard let socket = socket.take() else { preconditionFailure("a listener runs once") }
    while !isClosed {
      var wanted = [pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0)]
      wanted.append(pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0))
      for peer in halfOpen {
        wanted.append(pollfd(fd: peer.socket.number, events: Int16(POLLIN), revents: 0))
      }
      poll(&wanted, nfds_t(wanted.count), -1)
      wake.clear()
      if isClosed { break }
      let ready = zip(halfOpen, wanted.dropFirst(2)).filter { $0.1.revents != 0 }.map(\.0)
      halfOpen.removeAll { peer in ready.contains { $0 === peer } }
      for peer in ready { hear(peer) }
      acceptAll(socket)
    }
    halfOpen = []
  }

  private func acceptAll(_ socket: borrowing Descriptor) {
    while true {
      let number = CMemfdNIC_accept(socket.number)
      if number < 0 { return }
      let peer = Descriptor(number)
      do throws(MemfdNICError) {
        let process = try SocketPeer.process(of: peer)
        // Who says nothing makes room for the next.
        if halfOpen.count == Limits.maximumHalfOpen { halfOpen.removeFirst() }
        halfOpen.append(HalfOpen(socket: peer, process: process))
      } catch {
        nic.resources.record.protectionErrors.count()
      }
    }
  }

  /// Reads a peer's hello, and puts its request where the owner finds it.
  private func hear(_ peer: HalfOpen) {
    do throws(MemfdNICError) {
      guard let request = try readHello(peer) else {
        halfOpen.append(peer)
        return
      }
      let isQueued = pending.withLock { (pending) -> Bool in
        if pending.isClosed || pending.requests.count >= backlog { return false }
        pending.requests.append(request)
        return true
      }
      if isQueued { requested() } else { request.reject() }
    } catch {
      nic.resources.record.errors.count()
      ConnectionRequest.refuse(peer.socket)
    }
  }

  /// Nil where there was nothing to read after all.
  private func readHello(_ peer: HalfOpen) throws(MemfdNICError) -> ConnectionRequest? {
    var hello = WireMessage()
    var numbers = [Int32](repeating: -1, count: Int(CMemfdNIC_maximum_descriptors))
    var count: Int32 = 0
    let bytes = CMemfdNIC_receive(
      peer.socket.number, &hello, WireMessage.byteCount, nil, 0, &numbers, &count)
    if bytes == -Int(EAGAIN) { return nil }
    guard count == 3 else {
      for number in numbers.prefix(Int(count)) { Glibc.close(number) }
      throw .protocolViolation
    }
    let inbound = Descriptor(numbers[0])
    let outbound = Descriptor(numbers[1])
    let table = Descriptor(numbers[2])
    guard bytes == WireMessage.byteCount, hello.type == FrameType.hello.rawValue,
      hello.version == WireMessage.version, CMemfdNIC_is_pipe(inbound.number),
      CMemfdNIC_is_pipe(outbound.number)
    else { throw .protocolViolation }
    let access = try AccessTable(table)
    let socket = try peer.socket.duplicate()
    let links = try Links(socket: socket, inbound: inbound, outbound: outbound)
    return ConnectionRequest(
      nic: nic, hello: hello, localPort: port, links: links,
      peer: PeerIntroduction(
        process: peer.process, connection: hello.connection, access: access))
  }
}
