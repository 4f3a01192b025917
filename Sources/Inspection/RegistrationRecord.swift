package import VirtualMemory

/// What one WSPRegisterMemory or WSPRegisterRdmaMemory gave: a use of a region by a socket.
/// Written by the provider that gave it.
package struct RegistrationRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 64 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// generation: bits 32-63; 0: free, 1: local, 2: exposed to the peer. Stored last.
  package var word: SharedWord { word(0) }
  package var socket: SharedHalfWord { halfWord(8) }
  package var region: SharedHalfWord { halfWord(12) }
  package var regionGeneration: SharedHalfWord { halfWord(16) }
  package var access: SharedHalfWord { halfWord(20) }
  package var start: SharedWord { word(24) }
  package var end: SharedWord { word(32) }
  package var nic: SharedHalfWord { halfWord(40) }
  package var remoteKey: SharedHalfWord { halfWord(44) }
  /// The provider's own.
  package var users: SharedWord { word(48) }
  package var next: SharedHalfWord { halfWord(56) }
}
