import CWinsockDirect

/// TCP/IP's protocol information, with which the switch starts a provider.
enum TransportInformation {
  static let overlapped = DWORD(WSA_FLAG_OVERLAPPED)
  static let stream: INT = 1
  static let tcp: INT = 6

  /// It lives as long as the process, because a provider may keep the pointer.
  nonisolated(unsafe) static let pointer: UnsafeMutablePointer<WSAPROTOCOL_INFOW> = {
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
    information.iMaxSockAddr = 16
    information.iMinSockAddr = 16
    information.iSocketType = stream
    information.iProtocol = tcp
    information.iNetworkByteOrder = BIGENDIAN
    information.iSecurityScheme = SECURITY_PROTOCOL_NONE
    withUnsafeMutableBytes(of: &information.szProtocol) { bytes in
      let units = bytes.bindMemory(to: UInt16.self)
      for (index, unit) in "TCP/IP".utf16.enumerated() { units[index] = unit }
    }
    return information
  }
}
