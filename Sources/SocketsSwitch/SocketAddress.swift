import CWinsockDirect
import Glibc

/// An IPv4 address and a port.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  public let address: IPv4Address
  /// 0 lets the provider choose.
  public let port: UInt16

  public init(_ address: IPv4Address, port: UInt16) {
    self.address = address
    self.port = port
  }

  public var description: String { "\(address):\(port)" }

  /// The form in which providers take it: its bytes in network order.
  var native: sockaddr_in {
    var native = sockaddr_in()
    native.sin_family = UInt16(AF_INET)
    native.sin_port = port.bigEndian
    native.sin_addr = in_addr(s_addr: address.rawValue.bigEndian)
    return native
  }

  init(_ native: sockaddr_in) {
    address = IPv4Address(rawValue: UInt32(bigEndian: native.sin_addr.s_addr))
    port = UInt16(bigEndian: native.sin_port)
  }
}
