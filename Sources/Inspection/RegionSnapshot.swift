package import VirtualMemory

/// A region as it was published at one moment.
package struct RegionSnapshot: Hashable, Sendable {
  /// Its place in the table, and how often that place was used before: together its identity.
  package var index: Int
  package var generation: UInt32
  package var state: RegionState
  package var references: UInt32
  package var range: AddressRange
  /// CLOCK_REALTIME, nanoseconds.
  package var registeredAt: UInt64
  package var provider: UInt32
  package var backing: Backing?
  package var access: MemoryAccess
  package var nicMask: UInt32
  /// The key at each adapter; of meaning only where `nicMask` has its bit.
  package var keys: [UInt32]
  package var firstFrameChunk: UInt32
  package var frameCount: UInt32

  /// Whether an entry of the cache, used or not, that a lookup or a user can still hold.
  package var isCached: Bool { state == .live || state == .superseded }

  /// Whether its pages are still watched or pinned: not where only references are left of it.
  package var isSecured: Bool { state != .dead && state != .free }

  /// The adapters that have a registration, by index.
  package var nics: [Int] {
    (0..<Layout.maximumNICs).filter { nicMask & (1 << UInt32($0)) != 0 }
  }
}
