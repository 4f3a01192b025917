import CWinsockDirect
import Inspection
import MemfdNIC
import RegistrationCache
import VirtualMemory

// WSPRegisterRdmaMemory and WSPDeregisterRdmaMemory (spec 4.4, 4.5).

/// WSPRegisterRdmaMemory (C41-C43). The room for the descriptor is looked at first: the switch asks
/// for the size with a call that is wrong otherwise (decision 1).
func registerRdmaMemory(
  _ s: SOCKET, _ lpBuffer: PVOID?, _ dwBufferLength: DWORD, _ dwFlags: DWORD,
  _ lpRdmaBufferDescriptor: LPVOID?, _ lpdwDescriptorLength: LPDWORD?, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let length = try CallerVariable<DWORD>(lpdwDescriptorLength)
    let size = DWORD(RemoteDescriptor.byteCount)
    if length.value < size {
      try length.store(size)
      throw .fault
    }
    let (queuePair, adapter) = try socket.connected()
    let access = try MemoryAccess(registrationFlags: dwFlags)
    let range = try AddressRange(buffer: lpBuffer, byteCount: dwBufferLength)
    let room = try CallerVariable<RemoteDescriptor>(lpRdmaBufferDescriptor)
    let descriptor = try socket.expose(
      range, access: access, queuePair: queuePair, adapter: adapter)
    do throws(SocketsError) {
      try room.store(descriptor)
      try length.store(size)
    } catch {
      try socket.conceal(descriptor)
      throw error
    }
  }
}

/// WSPDeregisterRdmaMemory (C44-C46). When it has succeeded the peer cannot reach the memory, though
/// the region stays in the cache.
func deregisterRdmaMemory(
  _ s: SOCKET, _ lpRdmaBufferDescriptor: LPVOID?, _ dwDescriptorLength: DWORD, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let descriptor = try RemoteDescriptor(lpRdmaBufferDescriptor, dwDescriptorLength)
    try socket.conceal(descriptor)
  }
}

extension RemoteDescriptor {
  /// Reads a descriptor that was given to the SPI; `.invalid` for none, one that is too short, and
  /// one that cannot be read.
  init(_ memory: LPVOID?, _ byteCount: DWORD) throws(SocketsError) {
    guard let memory, byteCount >= DWORD(Self.byteCount) else { throw .invalid }
    do throws(SocketsError) {
      self = try CallerMemory.read(memory)
    } catch {
      throw .invalid
    }
  }
}

extension Socket {
  fileprivate func expose(
    _ range: AddressRange, access: MemoryAccess, queuePair: QueuePair, adapter: Int
  ) throws(SocketsError) -> RemoteDescriptor {
    let (record, region) = try makeRecord(.exposed, range, access: access, adapter: adapter)
    let descriptor: RemoteDescriptor
    do throws(MemfdNICError) {
      guard let key = provider.cache.key(region, adapter: adapter) else { throw .invalidKey }
      descriptor = try queuePair.expose(
        range, key: RegistrationKey(rawValue: key), access: access)
      provider.registrations.record(record).remoteKey.storeRelaxed(key)
    } catch {
      drop(record, region)
      throw SocketsError(exposing: error)
    }
    let isOpen = memory.withLock { memory in
      guard memory.isOpen else { return false }
      memory.exposed.append(
        ExposedRegistration(record: record, descriptor: descriptor, region: region))
      return true
    }
    guard isOpen else {
      drop(record, region)
      throw .notSocket
    }
    self.record.registrations.add(1)
    return descriptor
  }

  fileprivate func conceal(_ descriptor: RemoteDescriptor) throws(SocketsError) {
    // Taken out before it is concealed: nobody else can do it too.
    let removed = try memory.withLock { (memory) throws(SocketsError) in
      guard let place = memory.exposed.lastIndex(where: { $0.descriptor == descriptor })
      else { throw .invalid }
      return memory.exposed.remove(at: place)
    }
    let queuePair = connection.withLock { $0.queuePair }
    do throws(MemfdNICError) {
      try queuePair?.conceal(descriptor)
    } catch {
      // Of a connection that has ended nothing can be reached.
      if error == .inUse {
        putBack(removed)
        throw .invalid
      }
    }
    record.registrations.subtract(1)
    drop(removed.record, removed.region)
  }

  private func putBack(_ registration: ExposedRegistration) {
    let isOpen = memory.withLock { memory in
      if memory.isOpen { memory.exposed.append(registration) }
      return memory.isOpen
    }
    // Closed meanwhile: nobody else knows of it.
    if !isOpen { drop(registration.record, registration.region) }
  }
}
