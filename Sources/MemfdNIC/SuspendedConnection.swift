import Synchronization

/// A connection that no engine works any more, though its socket is open: what a handover takes
/// along. When it goes out of scope, so does the connection, and the peer sees its end.
final class SuspendedConnection: @unchecked Sendable {
  let connection: Connection
  let endpoints: ConnectionEndpoints
  /// The messages that have arrived and found no receive, in a memfd.
  private let messages: Descriptor

  init(
    _ connection: Connection, endpoints: ConnectionEndpoints, messages: consuming Descriptor
  ) {
    self.connection = connection
    self.endpoints = endpoints
    self.messages = messages
  }

  /// What the new process has to know.
  var offer: HandoverMessage {
    var message = HandoverMessage(.offer)
    message.connection = connection.exposures.connection
    message.peerConnection = connection.peerConnection
    message.acknowledgement = connection.acknowledgement.load(ordering: .sequentiallyConsistent)
    message.peerPID = connection.peerPID
    message.localAddress = endpoints.localAddress.rawValue
    message.localPort = endpoints.localPort
    message.remoteAddress = endpoints.remoteAddress.rawValue
    message.remotePort = endpoints.remotePort
    return message
  }

  /// What goes with the offer, in the order that `HandoverMessage.Kind.offer` says.
  var descriptors: [Int32] {
    [
      connection.links.socket.number, connection.links.inbound.number,
      connection.links.outbound.number, connection.exposures.accessDescriptor,
      connection.peerAccessDescriptor, messages.number,
    ]
  }
}
