import CWinsockDirect
import Glibc

/// The protocol information that a provider is started with: that of the transport which the
/// switch stands for. By it a provider knows that the switch, and no application, starts it.
enum TransportInformation {
  /// It lives as long as the process, because a provider may keep the pointer.
  nonisolated(unsafe) static let information: UnsafeMutablePointer<WSAPROTOCOL_INFOW> = {
    let information = UnsafeMutablePointer<WSAPROTOCOL_INFOW>.allocate(capacity: 1)
    information.initialize(to: make())
    return information
  }()

  private static func make() -> WSAPROTOCOL_INFOW {
    var information = WSAPROTOCOL_INFOW()
    information.dwServiceFlags1 = DWORD(
      XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_GRACEFUL_CLOSE)
    information.dwProviderFlags = DWORD(PFL_MATCHES_PROTOCOL_ZERO)
    information.dwCatalogEntryId = 1
    information.ProtocolChain.ChainLen = BASE_PROTOCOL
    information.iVersion = 2
    information.iAddressFamily = AF_INET
    information.iMaxSockAddr = Int32(MemoryLayout<sockaddr_in>.size)
    information.iMinSockAddr = Int32(MemoryLayout<sockaddr_in>.size)
    information.iSocketType = SocketKind.stream
    information.iProtocol = SocketKind.tcp
    information.iNetworkByteOrder = BIGENDIAN
    information.iSecurityScheme = SECURITY_PROTOCOL_NONE
    withUnsafeMutableBytes(of: &information.szProtocol) { bytes in
      let units = bytes.bindMemory(to: UInt16.self)
      for (index, unit) in "TCP/IP".utf16.enumerated() { units[index] = unit }
    }
    return information
  }
}

/// The only kind of socket that a provider makes.
enum SocketKind {
  static let stream = Int32(SOCK_STREAM.rawValue)
  static let tcp = Int32(IPPROTO_TCP)
}
