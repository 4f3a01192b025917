package import VirtualMemory

/// A region of a registration cache: the cache's entry and its published record are one.
///
/// `word` is the cache's protocol word (see RegistrationCache/RegionWord.swift); every other word is
/// written only by the thread that has the entry to itself (state registering or dying).
package struct RegionRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 128 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// generation: bits 32-63, state (`RegionState`): bits 24-31, references: bits 0-23.
  package var word: SharedWord { word(0) }
  package var start: SharedWord { word(8) }
  package var end: SharedWord { word(16) }
  /// CLOCK_REALTIME, nanoseconds.
  package var registeredAt: SharedWord { word(24) }
  package var provider: SharedHalfWord { halfWord(32) }
  /// A `Backing` raw value.
  package var backing: SharedHalfWord { halfWord(88) }
  package var access: SharedHalfWord { halfWord(40) }
  /// Bit i: adapter i has a registration for the region, with key `key(i)`.
  package var nicMask: SharedHalfWord { halfWord(44) }
  package func key(_ nic: Int) -> SharedHalfWord { halfWord(48 + 4 * nic) }
  /// 1 + the index of the first chunk of its frames, 0 for none; and how many frames there are.
  package var firstFrameChunk: SharedHalfWord { halfWord(80) }
  package var frameCount: SharedHalfWord { halfWord(84) }
  /// Set by every hit, cleared by the eviction that passes it over.
  /// In the cache line of all that a hit reads.
  package var recentlyUsed: SharedHalfWord { halfWord(36) }
  /// The cache's own: the next entry of the list this one is on.
  package var next: SharedHalfWord { halfWord(92) }
  package var trackedRegion: SharedWord { word(96) }
  package var pin: SharedWord { word(104) }
  package var segment: SharedWord { word(112) }
}
