import CWinsockDirect
import MemfdNIC
import RegistrationCache
import VirtualMemory

/// What WSPRegisterMemory gave a socket.
struct LocalRegistration {
  /// Its record in the `RegistrationTable`.
  let record: UInt32
  let range: AddressRange
  let access: MemoryAccess
  let region: RegionReference
}

/// What WSPRegisterRdmaMemory gave a socket.
struct ExposedRegistration {
  let record: UInt32
  let descriptor: RemoteDescriptor
  let region: RegionReference
}

/// The memory that a socket may use, and that its peer may reach.
struct SocketMemory {
  /// False from when the socket is being closed: nothing can be added.
  var isOpen = true
  var local: [LocalRegistration] = []
  var exposed: [ExposedRegistration] = []

  /// The newest registration that contains `range` and allows `access`: for buffers that come
  /// without a handle (spec 2.2, WSABUF).
  func registration(containing range: AddressRange, access: MemoryAccess) -> LocalRegistration? {
    local.last { $0.range.contains(range) && $0.access.isSuperset(of: access) }
  }
}
