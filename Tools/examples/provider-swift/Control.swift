import CWinsockDirect
import Glibc
import Pindown

// WSPIoctl: the extension functions, and the addresses.

extension Functions {
  private static let register: LPFN_WSPREGISTERMEMORY = { s, buffer, length, access, error in
    Provider.respond(error, failure: nil) { provider throws(Failure) in
      try provider.register(s, buffer, length, access)
    }
  }
  private static let deregister: LPFN_WSPDEREGISTERMEMORY = { s, handle, error in
    act(error) { provider throws(Failure) in try provider.deregister(s, handle) }
  }
  private static let expose: LPFN_WSPREGISTERRDMAMEMORY = {
    s, buffer, length, access, bytes, room, error in
    act(error) { provider throws(Failure) in
      try provider.expose(s, buffer, length, access, bytes, room)
    }
  }
  private static let conceal: LPFN_WSPDEREGISTERRDMAMEMORY = { s, bytes, length, error in
    act(error) { provider throws(Failure) in try provider.conceal(s, bytes, length) }
  }
  private static let write: LPFN_WSPRDMAWRITE = {
    s, buffers, count, target, length, offset, written, _, _, _, _, error in
    act(error) { provider throws(Failure) in
      try provider.transfer(
        s, buffers, count, try Descriptor(target, length), offset: offset, writes: true, written)
    }
  }
  private static let read: LPFN_WSPRDMAREAD = {
    s, buffers, count, target, length, offset, read, _, _, _, _, error in
    act(error) { provider throws(Failure) in
      try provider.transfer(
        s, buffers, count, try Descriptor(target, length), offset: offset, writes: false, read)
    }
  }

  private static func function(_ guid: GUID) -> UnsafeRawPointer? {
    let all: [(GUID, UnsafeRawPointer)] = [
      (WSAID_REGISTERMEMORY, unsafeBitCast(register, to: UnsafeRawPointer.self)),
      (WSAID_DEREGISTERMEMORY, unsafeBitCast(deregister, to: UnsafeRawPointer.self)),
      (WSAID_REGISTERRDMAMEMORY, unsafeBitCast(expose, to: UnsafeRawPointer.self)),
      (WSAID_DEREGISTERRDMAMEMORY, unsafeBitCast(conceal, to: UnsafeRawPointer.self)),
      (WSAID_RDMAWRITE, unsafeBitCast(write, to: UnsafeRawPointer.self)),
      (WSAID_RDMAREAD, unsafeBitCast(read, to: UnsafeRawPointer.self)),
      (
        WSAID_MEMORYREGISTRATIONCACHECALLBACK,
        unsafeBitCast(cacheCallback, to: UnsafeRawPointer.self)
      ),
    ]
    return all.first { known, _ in
      withUnsafeBytes(of: known) { known in
        withUnsafeBytes(of: guid) { known.elementsEqual($0) }
      }
    }?.1
  }

  static let control: LPWSPIOCTL = {
    s, code, input, inputLength, output, room, returned, _, _, _, error in
    act(error) { provider throws(Failure) in
      guard let returned else { throw Failure(WSAEFAULT) }
      let out = UnsafeMutableRawBufferPointer(start: output, count: Int(room))
      switch code {
      case DWORD(SIO_GET_EXTENSION_FUNCTION_POINTER):
        guard let input, Int(inputLength) >= MemoryLayout<GUID>.size else {
          throw Failure(WSAEFAULT)
        }
        guard let found = function(input.loadUnaligned(as: GUID.self)) else {
          throw Failure(WSAEINVAL)
        }
        returned.pointee = DWORD(MemoryLayout<UnsafeRawPointer>.size)
        if out.count < returned.pointee { throw Failure(WSAEFAULT) }
        out.storeBytes(of: found, as: UnsafeRawPointer.self)
      case DWORD(SIO_ADDRESS_LIST_QUERY):
        _ = try provider.socket(s)
        try storeAddress(in: out, returned)
      default:
        throw Failure(WSAEOPNOTSUPP)
      }
    }
  }

  private static func storeAddress(
    in out: UnsafeMutableRawBufferPointer, _ returned: LPDWORD
  ) throws(Failure) {
    let list = MemoryLayout<SOCKET_ADDRESS_LIST>.size
    returned.pointee = DWORD(list + MemoryLayout<sockaddr_in>.size)
    guard let base = out.baseAddress, out.count >= returned.pointee else {
      throw Failure(WSAEFAULT)
    }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = Adapter.address.bigEndian
    (base + list).storeBytes(of: name, as: sockaddr_in.self)
    var answer = SOCKET_ADDRESS_LIST()
    answer.iAddressCount = 1
    answer.Address.lpSockaddr = (base + list).assumingMemoryBound(to: sockaddr.self)
    answer.Address.iSockaddrLength = INT(MemoryLayout<sockaddr_in>.size)
    base.storeBytes(of: answer, as: SOCKET_ADDRESS_LIST.self)
  }
}
