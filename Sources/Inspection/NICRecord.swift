package import VirtualMemory

/// An adapter that the process has opened. Written by its MemfdNIC.
package struct NICRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 512 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// 0: free, 1: up. Stored last.
  package var state: SharedHalfWord { halfWord(0) }
  /// IPv4 address, most significant byte first in the value; and the length of its prefix.
  package var address: SharedHalfWord { halfWord(4) }
  package var prefixLength: SharedHalfWord { halfWord(8) }
  package var provider: SharedHalfWord { halfWord(12) }
  package var name: UnsafeMutableRawPointer { base + 16 }
  package static let nameBytes = 32
  package var registrations: SharedWord { word(64) }
  package var queuePairs: SharedWord { word(72) }
  package var sends: SharedWord { word(80) }
  package var receives: SharedWord { word(88) }
  package var rdmaWrites: SharedWord { word(96) }
  package var rdmaReads: SharedWord { word(104) }
  package var bytesOut: SharedWord { word(112) }
  package var bytesIn: SharedWord { word(120) }
  package var errors: SharedWord { word(128) }
  package var protectionErrors: SharedWord { word(136) }
  package var maximumRegistrations: SharedWord { word(144) }
  package var maximumQueuePairs: SharedWord { word(152) }
}
