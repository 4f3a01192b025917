import CWinsockDirect
import Inspection
import MemfdNIC
import RegistrationCache
import VirtualMemory

// WSPRegisterMemory and WSPDeregisterMemory (spec 4.2, 4.3).

/// WSPRegisterMemory (C34-C36).
func registerMemory(
  _ s: SOCKET, _ lpBuffer: PVOID?, _ dwBufferLength: DWORD, _ dwFlags: DWORD, _ lpErrno: LPINT?
) -> HANDLE? {
  answer(lpErrno, failure: nil) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let adapter = try socket.connected().adapter
    let access = try MemoryAccess(registrationFlags: dwFlags)
    let range = try AddressRange(buffer: lpBuffer, byteCount: dwBufferLength)
    return try socket.register(range, access: access, adapter: adapter)
  }
}

/// WSPDeregisterMemory (C37-C40). The region stays in the cache.
func deregisterMemory(_ s: SOCKET, _ handle: HANDLE?, _ lpErrno: LPINT?) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    try socket.deregister(handle)
  }
}

extension MemoryAccess {
  /// MEM_READ, MEM_WRITE or MEM_READWRITE; anything else is `.invalid`.
  init(registrationFlags flags: DWORD) throws(SocketsError) {
    guard (DWORD(MEM_READ)...DWORD(MEM_READWRITE)).contains(flags) else { throw .invalid }
    self.init(rawValue: UInt8(flags))
  }
}

extension AddressRange {
  /// The bytes of a buffer; `.fault` for none, for no bytes, and where it would wrap.
  init(buffer: PVOID?, byteCount: DWORD) throws(SocketsError) {
    guard let buffer, byteCount > 0,
      let range = AddressRange(start: UInt(bitPattern: buffer), length: UInt(byteCount))
    else { throw .fault }
    self = range
  }
}

extension Socket {
  fileprivate func register(
    _ range: AddressRange, access: MemoryAccess, adapter: Int
  ) throws(SocketsError) -> HANDLE? {
    let (record, region) = try makeRecord(.local, range, access: access, adapter: adapter)
    let isOpen = memory.withLock { memory in
      guard memory.isOpen else { return false }
      memory.local.append(
        LocalRegistration(record: record, range: range, access: access, region: region))
      return true
    }
    guard isOpen else {
      drop(record, region)
      throw .notSocket
    }
    self.record.registrations.add(1)
    return provider.registrations.handle(record)
  }

  /// A use of the cached region, and the record that shows it. Throws what prevents it; nothing is
  /// registered then.
  func makeRecord(
    _ kind: RegistrationTable.Kind, _ range: AddressRange, access: MemoryAccess, adapter: Int
  ) throws(SocketsError) -> (record: UInt32, region: RegionReference) {
    let region: RegionReference
    do throws(RegistrationCacheError) {
      region = try provider.cache.register(range, access: access, adapter: adapter)
    } catch {
      throw SocketsError(registering: error)
    }
    guard
      let record = provider.registrations.add(
        kind, socket: index, adapter: adapter, range: range, access: access, region: region)
    else {
      provider.cache.release(region)
      throw .noBuffers
    }
    return (record, region)
  }

  /// Ends a record and its use of the region.
  func drop(_ record: UInt32, _ region: RegionReference) {
    provider.registrations.remove(record)
    provider.cache.release(region)
  }

  fileprivate func deregister(_ handle: HANDLE?) throws(SocketsError) {
    let removed = try memory.withLock { (memory) throws(SocketsError) in
      guard let record = provider.registrations.index(of: handle, socket: index),
        let place = memory.local.lastIndex(where: { $0.record == record }),
        provider.registrations.record(record).users.load() == 0
      else { throw .invalid }
      return memory.local.remove(at: place)
    }
    self.record.registrations.subtract(1)
    drop(removed.record, removed.region)
  }

  /// Gives back all that is left when the socket is closed (C81): nothing uses it any more, and the
  /// peer cannot reach it.
  func releaseMemory(_ queuePair: QueuePair?) {
    let old = memory.withLock { memory in
      let old = memory
      memory = SocketMemory()
      memory.isOpen = false
      return old
    }
    for registration in old.local { drop(registration.record, registration.region) }
    for registration in old.exposed { drop(registration.record, registration.region) }
    record.registrations.store(0)
  }
}
