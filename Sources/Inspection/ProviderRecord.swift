package import VirtualMemory

/// A provider in the process. Written by its cache.
package struct ProviderRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 512 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// 0: free, 1: in use. Stored last.
  package var state: SharedHalfWord { halfWord(0) }
  package var name: UnsafeMutableRawPointer { base + 16 }
  package static let nameBytes = 48
  /// Limits; `UInt64.max` for none.
  package var maximumBytes: SharedWord { word(64) }
  package var maximumRegions: SharedWord { word(72) }
  /// A lookup counts in one of several words, each in a cache line that few threads share.
  package func hits(_ thread: UInt32) -> SharedWord {
    let stripe = Int(thread) % Self.hitStripes
    return word(stripe == 0 ? 80 : 192 + 64 * stripe)
  }
  private static let hitStripes = 4
  package var hitCount: UInt64 {
    (0..<UInt32(Self.hitStripes)).reduce(0) { $0 &+ hits($1).loadAcquiring() }
  }
  package var misses: SharedWord { word(88) }
  package var merges: SharedWord { word(96) }
  package var evictions: SharedWord { word(104) }
  package var invalidations: SharedWord { word(112) }
  package var registrations: SharedWord { word(120) }
  package var deregistrations: SharedWord { word(128) }
  package var failures: SharedWord { word(136) }
  package var quarantined: SharedWord { word(144) }
  /// Regions that exist now, the bytes in them, and the bytes of those that are pinned.
  package var regions: SharedWord { word(152) }
  package var bytes: SharedWord { word(160) }
  package var pinnedBytes: SharedWord { word(168) }
}
