import Glibc
import SocketsSwitch

extension SocketAddress {
  /// Passes the address in the form in which the kernel takes it.
  func withNative<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var native = sockaddr_in()
    native.sin_family = sa_family_t(AF_INET)
    native.sin_port = port.bigEndian
    native.sin_addr = in_addr(s_addr: address.rawValue.bigEndian)
    return withUnsafePointer(to: native) { native in
      native.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// What a function of the kernel stores; nil where it fails.
  static func asked(
    _ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32
  ) -> SocketAddress? {
    var native = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &native) { native in
      native.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
    }
    if result < 0 { return nil }
    let address = IPv4Address(rawValue: UInt32(bigEndian: native.sin_addr.s_addr))
    return SocketAddress(address, port: UInt16(bigEndian: native.sin_port))
  }
}
