/// A socket as it was published at one moment. Addresses have their first byte in the highest bits.
package struct SocketSnapshot: Hashable, Sendable {
  package var index: Int
  package var state: SocketState
  package var provider: UInt32
  package var nic: UInt32
  package var localAddress: UInt32
  package var localPort: UInt32
  package var remoteAddress: UInt32
  package var remotePort: UInt32
  package var peerPID: UInt32
  package var pendingSends: UInt32
  package var pendingReceives: UInt32
  package var registrations: UInt32
}
