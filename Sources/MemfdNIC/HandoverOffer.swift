import CLinuxMemory
import CMemfdNIC
import Glibc
import VirtualMemory

/// Holds a suspended connection until the process that it is for has taken it, or has ended without
/// doing so: then the connection ends, too, as it does when this process ends.
package final class HandoverOffer: @unchecked Sendable {
  /// By what the process finds it.
  package let token: HandoverToken

  private let target: Int32
  /// Readable when the target has ended.
  private let targetProcess: Descriptor
  private let wake: EventSignal
  /// The thread's own, both: it closes them when it ends.
  private var socket: Descriptor?
  private var connection: SuspendedConnection?
  private let state = Lock(State())

  private struct State {
    var isWithdrawn = false
    var isOver = false
    var thread: pthread_t?
  }

  /// Prepares an offer; nothing can be taken before `start`.
  init(to target: Int32) throws(MemfdNICError) {
    self.target = target
    let process = CMemfdNIC_process(target)
    if process == -ESRCH || process == -EINVAL { throw .noSuchProcess }
    if process < 0 { throw .system(errno: -process) }
    targetProcess = Descriptor(process)
    wake = try EventSignal()
    let number = CMemfdNIC_socket()
    if number < 0 { throw .system(errno: -number) }
    let socket = Descriptor(number)
    token = try Self.bind(socket)
    let error = CMemfdNIC_listen(socket.number, Limits.handoverBacklog)
    if error < 0 { throw .system(errno: -error) }
    self.socket = consume socket
  }

  private static func bind(_ socket: borrowing Descriptor) throws(MemfdNICError) -> HandoverToken {
    while true {
      let token = HandoverToken.random()
      let error = token.bind(socket)
      if error == 0 { return token }
      if error != -addressInUse { throw .system(errno: -error) }
    }
  }

  private static var addressInUse: Int32 { EADDRINUSE }

  /// Lets the target take the connection. Where it throws, the connection ends.
  func start(_ connection: SuspendedConnection) throws(MemfdNICError) {
    self.connection = connection
    try state.withLock { (state) throws(MemfdNICError) in
      var thread = pthread_t()
      let context = Unmanaged.passRetained(self)
      let error = CMemfdNIC_start(
        &thread, "pindown-offer",
        { context in
          guard let context else { preconditionFailure("a thread without its offer") }
          Unmanaged<HandoverOffer>.fromOpaque(context).takeRetainedValue().run()
        }, context.toOpaque())
      if error != 0 {
        context.release()
        self.connection = nil
        throw error == -ENOMEM || error == -EAGAIN ? .exhausted : .system(errno: -error)
      }
      state.thread = thread
    }
  }

  /// Whether the connection has been taken, or has ended.
  package var isOver: Bool { state.withLock { $0.isOver } }

  /// Ends the offer, and with it the connection unless it has been taken. Idempotent.
  package func withdraw() {
    let thread = state.withLock { state in
      state.isWithdrawn = true
      return state.thread.take()
    }
    wake.signal()
    if let thread { pthread_join(thread, nil) }
  }

  // MARK: The thread

  private func run() {
    guard let socket = socket.take(), let connection = connection.take() else {
      preconditionFailure("an offer runs once")
    }
    while !state.withLock({ $0.isWithdrawn }) {
      var wanted = [wake.number, socket.number, targetProcess.number].map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      poll(&wanted, nfds_t(wanted.count), -1)
      wake.clear()
      // Before the end of the target: it may have asked last of all.
      if wanted[1].revents != 0, acceptAndGive(socket, connection) { break }
      if wanted[2].revents != 0 { break }
    }
    state.withLock { $0.isOver = true }
  }

  /// Answers one process that asks. True: it has the connection now.
  private func acceptAndGive(
    _ socket: borrowing Descriptor, _ suspended: SuspendedConnection
  ) -> Bool {
    let number = CMemfdNIC_accept(socket.number)
    if number < 0 { return false }
    let peer = Descriptor(number)
    do throws(MemfdNICError) {
      // The value is of use in the named process alone (C84).
      if try SocketPeer.process(of: peer) != target { return false }
    } catch {
      return false
    }
    let channel = HandoverChannel(peer)
    var none = [Int32]()
    guard channel.send(suspended.offer, descriptors: suspended.descriptors),
      channel.receive(.take, descriptors: &none) != nil
    else {
      for number in none { close(number) }
      return false
    }
    // The peer must not take the end of this process for the end of the connection.
    var moved = WireMessage(.moved)
    moved.slot = UInt32(bitPattern: target)
    if tell(suspended.connection, moved) { _ = channel.send(HandoverMessage(.given)) }
    return true
  }

  /// Sends the peer a frame as soon as there is room, if that is soon enough.
  private func tell(_ connection: Connection, _ message: WireMessage) -> Bool {
    let deadline = CLinuxMemory_monotonic() + Limits.handoverNanoseconds
    while true {
      let error = connection.send(message)
      if error == 0 { return true }
      let now = CLinuxMemory_monotonic()
      if error != -EAGAIN || now >= deadline { return false }
      var wanted = pollfd(
        fd: connection.links.socket.number, events: Int16(POLLOUT), revents: 0)
      poll(&wanted, 1, Int32((deadline - now) / 1_000_000) + 1)
    }
  }
}
