/// The addresses and ports of both ends of a connection, as seen from one of them.
package struct ConnectionEndpoints: Equatable, Sendable {
  package var localAddress: IPv4Address
  package var localPort: UInt16
  package var remoteAddress: IPv4Address
  package var remotePort: UInt16

  package init(
    localAddress: IPv4Address, localPort: UInt16, remoteAddress: IPv4Address, remotePort: UInt16
  ) {
    self.localAddress = localAddress
    self.localPort = localPort
    self.remoteAddress = remoteAddress
    self.remotePort = remotePort
  }
}
