package import VirtualMemory

/// One use of a region by a socket, as it was published at one moment.
package struct RegistrationSnapshot: Hashable, Sendable {
  package var index: Int
  package var generation: UInt32
  /// Whether the peer may reach the memory.
  package var isExposed: Bool
  package var socket: UInt32
  package var region: UInt32
  package var regionGeneration: UInt32
  package var access: MemoryAccess
  package var range: AddressRange
  package var nic: UInt32
  package var remoteKey: UInt32
}
