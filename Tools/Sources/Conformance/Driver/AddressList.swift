import CWinsockDirect
import Glibc

/// Reads a SOCKET_ADDRESS_LIST.
enum AddressList {
  /// IPv4 addresses in host byte order; whatever else is in it is left out.
  static func addresses(in bytes: UnsafeRawBufferPointer) -> [Int] {
    let entries = 8
    let count = max(0, Int(bytes.load(as: INT.self)))
    guard entries + count * 16 <= bytes.count else { return [] }
    return (0..<count).compactMap { index in
      let entry = bytes.load(fromByteOffset: entries + 16 * index, as: SOCKET_ADDRESS.self)
      guard let name = entry.lpSockaddr, entry.iSockaddrLength >= 16,
        name.pointee.sa_family == sa_family_t(AF_INET)
      else { return nil }
      let address = UnsafeRawPointer(name).loadUnaligned(as: sockaddr_in.self)
      return Int(UInt32(bigEndian: address.sin_addr.s_addr))
    }
  }
}
