public import VirtualMemory

/// A region of a registration cache: the cache's entry and its published record are one.
///
/// `word` is the cache's protocol word (see RegistrationCache/RegionWord.swift); every other word is
/// written only by the thread that has the entry to itself (state registering or dying).
///
/// Public only because nothing less is inlined across modules, and the lookup of a cached
/// registration reads it.
@frozen
public struct RegionRecord: Record, @unchecked Sendable {
  @inlinable public static var stride: Int { 128 }
  public let base: UnsafeMutableRawPointer
  @inlinable public init(base: UnsafeMutableRawPointer) { self.base = base }

  /// generation: bits 32-63, state (`RegionState`): bits 24-31, references: bits 0-23.
  @inlinable public var word: SharedWord { word(0) }
  @inlinable public var start: SharedWord { word(8) }
  @inlinable public var end: SharedWord { word(16) }
  /// CLOCK_REALTIME, nanoseconds.
  @inlinable public var registeredAt: SharedWord { word(24) }
  @inlinable public var provider: SharedHalfWord { halfWord(32) }
  /// A `Backing` raw value.
  @inlinable public var backing: SharedHalfWord { halfWord(88) }
  @inlinable public var access: SharedHalfWord { halfWord(40) }
  /// Bit i: adapter i has a registration for the region, with key `key(i)`.
  @inlinable public var nicMask: SharedHalfWord { halfWord(44) }
  @inlinable public func key(_ nic: Int) -> SharedHalfWord { halfWord(48 + 4 * nic) }
  /// 1 + the index of the first chunk of its frames, 0 for none; and how many frames there are.
  @inlinable public var firstFrameChunk: SharedHalfWord { halfWord(80) }
  @inlinable public var frameCount: SharedHalfWord { halfWord(84) }
  /// Set by every hit, cleared by the eviction that passes it over.
  /// In the cache line of all that a hit reads.
  @inlinable public var recentlyUsed: SharedHalfWord { halfWord(36) }
  /// The cache's own: the next entry of the list this one is on.
  @inlinable public var next: SharedHalfWord { halfWord(92) }
  @inlinable public var trackedRegion: SharedWord { word(96) }
  @inlinable public var pin: SharedWord { word(104) }
  @inlinable public var segment: SharedWord { word(112) }
}
