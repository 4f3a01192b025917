import CWinsockDirect
import Pindown

/// What WSPRegisterRdmaMemory stores: names memory to the peer.
struct Descriptor {
  var key: UInt64
  var length: UInt64

  static let size = DWORD(MemoryLayout<Descriptor>.size)

  /// Reads one that a caller has.
  init(_ bytes: LPVOID?, _ length: DWORD) throws(Failure) {
    guard let bytes, length >= Self.size else { throw Failure(WSAEINVAL) }
    self = bytes.loadUnaligned(as: Descriptor.self)
  }

  init(key: UInt64, length: UInt64) {
    self.key = key
    self.length = length
  }
}

extension Provider {
  private func make(
    _ buffer: PVOID?, _ length: DWORD, _ access: DWORD
  ) throws(Failure) -> LoopbackSocket.Registration {
    guard (1...3).contains(access) else { throw Failure(WSAEINVAL) }
    guard let buffer, length > 0, let cache = Self.cache,
      let range = AddressRange(start: UInt(bitPattern: buffer), length: UInt(length))
    else { throw Failure(WSAEFAULT) }
    let wanted = MemoryAccess(rawValue: UInt8(access))
    do throws(RegistrationCacheError) {
      let region = try cache.register(range, access: wanted, adapter: adapter)
      return LoopbackSocket.Registration(range: range, access: wanted, region: region)
    } catch .notMapped {
      throw Failure(WSAEFAULT)
    } catch .invalidRange {
      throw Failure(WSAEFAULT)
    } catch {
      throw Failure(WSAENOBUFS)
    }
  }

  mutating func register(
    _ s: SOCKET, _ buffer: PVOID?, _ length: DWORD, _ access: DWORD
  ) throws(Failure) -> HANDLE? {
    let socket = try connected(s)
    let registration = try make(buffer, length, access)
    let handle = number()
    socket.registrations[handle] = registration
    return HANDLE(bitPattern: handle)
  }

  mutating func deregister(_ s: SOCKET, _ handle: HANDLE?) throws(Failure) {
    let socket = try socket(s)
    guard let found = socket.registrations.removeValue(forKey: UInt(bitPattern: handle)) else {
      throw Failure(WSAEINVAL)
    }
    Self.cache?.release(found.region)
  }

  /// The room is looked at first: the switch asks for the size.
  mutating func expose(
    _ s: SOCKET, _ buffer: PVOID?, _ length: DWORD, _ access: DWORD, _ bytes: LPVOID?,
    _ room: LPDWORD?
  ) throws(Failure) {
    let socket = try socket(s)
    guard let room else { throw Failure(WSAEFAULT) }
    if room.pointee < Descriptor.size {
      room.pointee = Descriptor.size
      throw Failure(WSAEFAULT)
    }
    guard let bytes else { throw Failure(WSAEFAULT) }
    _ = try connected(s)
    let registration = try make(buffer, length, access)
    let descriptor = Descriptor(key: .random(in: 1 ... .max), length: UInt64(length))
    socket.exposed[descriptor.key] = registration
    bytes.storeBytes(of: descriptor, as: Descriptor.self)
    room.pointee = Descriptor.size
  }

  mutating func conceal(_ s: SOCKET, _ bytes: LPVOID?, _ length: DWORD) throws(Failure) {
    let socket = try socket(s)
    let descriptor = try Descriptor(bytes, length)
    guard let found = socket.exposed[descriptor.key],
      UInt64(found.range.length) == descriptor.length
    else { throw Failure(WSAEINVAL) }
    socket.exposed[descriptor.key] = nil
    Self.cache?.release(found.region)
  }
}
