import CWinsockDirect
import Glibc
import MemfdNIC

/// WSPIoctl (C12-C18).
func ioctl(
  _ s: SOCKET, _ dwIoControlCode: DWORD, _ lpvInBuffer: LPVOID?, _ cbInBuffer: DWORD,
  _ lpvOutBuffer: LPVOID?, _ cbOutBuffer: DWORD, _ lpcbBytesReturned: LPDWORD?,
  _ lpOverlapped: LPWSAOVERLAPPED?, _ lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?,
  _ lpThreadId: LPWSATHREADID?, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let provider = try Provider.started()
    let byteCount = try CallerVariable<DWORD>(lpcbBytesReturned)
    // A buffer that is not there has no bytes, whatever is said of it.
    let input = UnsafeRawBufferPointer(
      start: lpvInBuffer, count: lpvInBuffer == nil ? 0 : Int(cbInBuffer))
    let output = UnsafeMutableRawBufferPointer(
      start: lpvOutBuffer, count: lpvOutBuffer == nil ? 0 : Int(cbOutBuffer))
    switch dwIoControlCode {
    case DWORD(SIO_GET_EXTENSION_FUNCTION_POINTER):
      // The switch asks before it has a socket (C15).
      try ExtensionFunction.find(input).store(to: output, byteCount)
    case DWORD(SIO_ADDRESS_LIST_QUERY):
      _ = try provider.sockets.socket(s)
      try provider.adapters.storeAddresses(to: output, byteCount)
    default:
      // Quality of service, and what is the switch's and TCP/IP's business.
      _ = try provider.sockets.socket(s)
      throw .notSupported
    }
  }
}

/// WSPGetQOSByName: there is no quality of service (C18).
func getQOSByName(
  _ s: SOCKET, _ lpQOSName: LPWSABUF?, _ lpQOS: LPQOS?, _ lpErrno: LPINT?
) -> BOOL {
  answer(lpErrno, failure: FALSE) { () throws(SocketsError) in
    _ = try Provider.started()
    throw .notSupported
  }
}

extension Adapters {
  /// Writes a SOCKET_ADDRESS_LIST with the sockaddrs behind it, in the same memory; where that is
  /// too small, only how many bytes are needed (C17).
  fileprivate func storeAddresses(
    to output: UnsafeMutableRawBufferPointer, _ byteCount: CallerVariable<DWORD>
  ) throws(SocketsError) {
    let entries = MemoryLayout<SOCKET_ADDRESS_LIST>.offset(of: \.Address) ?? 0
    let addresses = entries + count * MemoryLayout<SOCKET_ADDRESS>.stride
    let needed = addresses + count * SocketAddress.byteCount
    guard let base = output.baseAddress, output.count >= needed else {
      try byteCount.store(DWORD(needed))
      throw .fault
    }
    try CallerMemory.checkWritable(base, needed)
    try CallerMemory.write(INT(count), to: base)
    for index in 0..<count {
      let name = base + addresses + index * SocketAddress.byteCount
      let address = SocketAddress(address: self[index].configuration.address)
      try CallerMemory.write(address.value, to: name)
      let entry = SOCKET_ADDRESS(
        lpSockaddr: name.assumingMemoryBound(to: sockaddr.self),
        iSockaddrLength: INT(SocketAddress.byteCount))
      try CallerMemory.write(
        entry, to: base + entries + index * MemoryLayout<SOCKET_ADDRESS>.stride)
    }
    try byteCount.store(DWORD(needed))
  }
}
