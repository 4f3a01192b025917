import CWinsockDirect
import Glibc
import MemfdNIC

/// An IPv4 address and a port: what a sockaddr_in says.
struct SocketAddress: Equatable {
  var address = IPv4Address(rawValue: 0)
  var port: UInt16 = 0

  static var byteCount: Int { MemoryLayout<sockaddr_in>.size }

  init(address: IPv4Address = IPv4Address(rawValue: 0), port: UInt16 = 0) {
    self.address = address
    self.port = port
  }

  /// Reads a name that was given to the SPI. Throws `.fault` for none, or one that is too short,
  /// and `unknownFamily` for one that is not IPv4.
  init(
    _ name: UnsafePointer<sockaddr>?, _ length: INT, unknownFamily: SocketsError
  ) throws(SocketsError) {
    if length < INT(Self.byteCount) { throw .fault }
    let value = try CallerMemory.read(name, as: sockaddr_in.self)
    if Int32(value.sin_family) != AF_INET { throw unknownFamily }
    address = IPv4Address(rawValue: UInt32(bigEndian: value.sin_addr.s_addr))
    port = UInt16(bigEndian: value.sin_port)
  }

  /// INADDR_ANY.
  var isWildcard: Bool { address.rawValue == 0 }

  var value: sockaddr_in {
    var value = sockaddr_in()
    value.sin_family = sa_family_t(AF_INET)
    value.sin_port = port.bigEndian
    value.sin_addr.s_addr = address.rawValue.bigEndian
    return value
  }
}
