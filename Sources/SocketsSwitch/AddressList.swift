import CWinsockDirect
import Glibc

/// The question which addresses a provider's adapters have: SIO_ADDRESS_LIST_QUERY.
enum AddressList {
  /// Asks on `socket`, with more room when the provider says that it needs more (C17).
  static func query(
    _ procedures: WSPPROC_TABLE, _ socket: SOCKET, _ path: String
  ) throws(SwitchError) -> [IPv4Address] {
    var room = 1024
    while true {
      let answer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 8)
      defer { answer.deallocate() }
      answer.initializeMemory(as: UInt8.self, repeating: 0)
      var byteCount: DWORD = 0
      var error: Int32 = 0
      let result = procedures.lpWSPIoctl(
        socket, DWORD(SIO_ADDRESS_LIST_QUERY), nil, 0, answer.baseAddress, DWORD(room),
        &byteCount, nil, nil, nil, &error)
      if result == 0 { return try parse(UnsafeRawBufferPointer(answer), path) }
      if error != WSAEFAULT || byteCount <= room || byteCount > Limits.maximumAddressListBytes {
        throw .refused(operation: .addressList, code: error)
      }
      room = Int(byteCount)
    }
  }

  private static let header = MemoryLayout<SOCKET_ADDRESS_LIST>.offset(of: \.Address)!

  private static func parse(
    _ answer: UnsafeRawBufferPointer, _ path: String
  ) throws(SwitchError) -> [IPv4Address] {
    let count = Int(answer.load(as: INT.self))
    let stride = MemoryLayout<SOCKET_ADDRESS>.stride
    guard count >= 0, count <= (answer.count - header) / stride else {
      throw .addressListMalformed(path: path)
    }
    var addresses: [IPv4Address] = []
    for index in 0..<count {
      let entry = answer.load(fromByteOffset: header + index * stride, as: SOCKET_ADDRESS.self)
      guard let address = entry.lpSockaddr,
        entry.iSockaddrLength >= MemoryLayout<sockaddr_in>.size
      else { throw .addressListMalformed(path: path) }
      let native = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
      if native.sin_family == UInt16(AF_INET) {
        addresses.append(SocketAddress(native).address)
      }
    }
    return addresses
  }
}
