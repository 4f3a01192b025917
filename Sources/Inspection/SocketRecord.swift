package import VirtualMemory

/// A provider's socket. Written by the provider, under that socket's lock.
package struct SocketRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 128 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// A `SocketState` raw value; 0: free. Stored last.
  package var state: SharedHalfWord { halfWord(0) }
  package var provider: SharedHalfWord { halfWord(4) }
  /// Index of its adapter, or `UInt32.max` while it has none.
  package var nic: SharedHalfWord { halfWord(8) }
  package var localAddress: SharedHalfWord { halfWord(12) }
  package var localPort: SharedHalfWord { halfWord(16) }
  package var remoteAddress: SharedHalfWord { halfWord(20) }
  package var remotePort: SharedHalfWord { halfWord(24) }
  package var peerPID: SharedHalfWord { halfWord(28) }
  package var pendingSends: SharedHalfWord { halfWord(32) }
  package var pendingReceives: SharedHalfWord { halfWord(36) }
  package var registrations: SharedHalfWord { halfWord(40) }
}
