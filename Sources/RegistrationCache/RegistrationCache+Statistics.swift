import Inspection
package import VirtualMemory

/// What a cache has done, and what it holds, at one moment; each number by itself.
public struct CacheStatistics: Hashable, Sendable {
  public var hits: UInt64 = 0
  public var misses: UInt64 = 0
  /// Regions that were replaced by a larger one.
  public var merges: UInt64 = 0
  public var evictions: UInt64 = 0
  public var invalidations: UInt64 = 0
  /// Registrations made at adapters, and taken from them.
  public var registrations: UInt64 = 0
  public var deregistrations: UInt64 = 0
  public var failures: UInt64 = 0
  public var quarantined: UInt64 = 0
  /// Regions that exist now, the bytes in them, and the bytes of those that are pinned.
  public var regions: UInt64 = 0
  public var bytes: UInt64 = 0
  public var pinnedBytes: UInt64 = 0
}

extension RegistrationCache {
  /// What the cache has done so far.
  public var statistics: CacheStatistics {
    CacheStatistics(
      hits: record.hitCount, misses: record.misses.load(), merges: record.merges.load(),
      evictions: record.evictions.load(), invalidations: record.invalidations.load(),
      registrations: record.registrations.load(), deregistrations: record.deregistrations.load(),
      failures: record.failures.load(), quarantined: record.quarantined.load(),
      regions: record.regions.load(), bytes: record.bytes.load(),
      pinnedBytes: record.pinnedBytes.load())
  }

  /// Whether memory of any kind can be registered; else memfd segments only.
  public var pinsMemory: Bool { pins != nil }

  /// The table in which the cache's pins are kept, for an adapter's transfers.
  package var pinTable: PinTable? { pins }
}
