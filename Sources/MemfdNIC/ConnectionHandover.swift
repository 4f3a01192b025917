import CMemfdNIC
import Glibc
import VirtualMemory

/// A connection that another process offers to this one. Unless a queue pair goes on with it, it
/// stays with that process.
package struct ConnectionHandover: ~Copyable {
  let message: HandoverMessage
  let messages: Descriptor
  private let channel: HandoverChannel
  private var links: Links?
  private var access: Descriptor?
  private var peerAccess: Descriptor?

  /// Asks for the connection that `token` names.
  ///
  /// Throws `invalidDescriptor` where nothing is offered to this process under that name: it never
  /// was, it has been taken, it is for another process, or the one that offered it has gone;
  /// `exhausted`, `system`. Waits for the other process, for `Limits.handoverNanoseconds` at most.
  package init(_ token: HandoverToken) throws(MemfdNICError) {
    let channel = HandoverChannel(try Self.connect(token))
    var received = [Int32]()
    guard let message = channel.receive(.offer, descriptors: &received),
      received.count == HandoverMessage.descriptorCount
    else {
      for number in received { close(number) }
      throw .invalidDescriptor
    }
    let socketOfConnection = Descriptor(received[0])
    let inbound = Descriptor(received[1])
    let outbound = Descriptor(received[2])
    let access = Descriptor(received[3])
    let peerAccess = Descriptor(received[4])
    let messages = Descriptor(received[5])
    guard CMemfdNIC_is_pipe(inbound.number), CMemfdNIC_is_pipe(outbound.number) else {
      throw .protocolViolation
    }
    let links = try Links(socket: socketOfConnection, inbound: inbound, outbound: outbound)
    self.message = message
    self.messages = messages
    self.channel = channel
    self.links = consume links
    self.access = consume access
    self.peerAccess = consume peerAccess
  }

  private static func connect(_ token: HandoverToken) throws(MemfdNICError) -> Descriptor {
    let number = CMemfdNIC_socket()
    if number < 0 { throw .system(errno: -number) }
    let socket = Descriptor(number)
    let error = token.connect(socket)
    if error == -ECONNREFUSED || error == -EAGAIN { throw .invalidDescriptor }
    if error < 0 { throw .system(errno: -error) }
    // Another user may have taken the name.
    _ = try SocketPeer.process(of: socket)
    return socket
  }

  /// The connection's addresses, as the other process says.
  package var endpoints: ConnectionEndpoints { message.endpoints }

  /// The process at the other end of the connection.
  package var peerPID: Int32 { message.peerPID }

  /// Says that everything is in place, and waits until the other process has let go.
  func take() throws(MemfdNICError) {
    var none = [Int32]()
    if !channel.send(HandoverMessage(.take)) || channel.receive(.given, descriptors: &none) == nil {
      throw .connectionReset
    }
  }

  mutating func takeLinks() -> Links {
    guard let links = links.take() else { preconditionFailure("links are taken once") }
    return links
  }

  mutating func takeAccess() throws(MemfdNICError) -> AccessTable {
    guard let access = access.take() else { preconditionFailure("a table is taken once") }
    return try AccessTable(access)
  }

  mutating func takePeerAccess() throws(MemfdNICError) -> AccessTable {
    guard let access = peerAccess.take() else { preconditionFailure("a table is taken once") }
    return try AccessTable(access)
  }
}
