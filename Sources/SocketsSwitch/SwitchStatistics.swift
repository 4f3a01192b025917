import Inspection
import VirtualMemory

/// What the switch and the providers of this process have counted, all providers together.
public struct SwitchStatistics: Hashable, Sendable {
  /// Changes under secured memory that a monitor saw.
  public let mappingChanges: UInt64
  /// Callbacks made for them, and how many a provider could not do.
  public let callbacks: UInt64
  public let callbackFailures: UInt64
  /// Registrations found in a cache, and those that had to be made.
  public let hits: UInt64
  public let misses: UInt64
  public let invalidations: UInt64
  public let evictions: UInt64
  /// Regions that could not be released in time and are never used again.
  public let quarantined: UInt64
  /// Regions that exist now, and the bytes of those that are pinned.
  public let regions: UInt64
  public let pinnedBytes: UInt64
}

extension SocketsSwitch {
  /// The counters as they are now; each is exact, together they are no snapshot.
  public var statistics: SwitchStatistics {
    let publication = publication
    let records = (0..<Layout.maximumProviders).map(publication.provider)
      .filter { $0.state.load() != 0 }
    func sum(_ word: (ProviderRecord) -> SharedWord) -> UInt64 {
      records.reduce(0) { $0 &+ word($1).load() }
    }
    let header = publication.header
    return SwitchStatistics(
      mappingChanges: header.mappingChanges.load(), callbacks: header.callbacks.load(),
      callbackFailures: header.callbackFailures.load(),
      hits: records.reduce(0) { $0 &+ $1.hitCount }, misses: sum(\.misses),
      invalidations: sum(\.invalidations), evictions: sum(\.evictions),
      quarantined: sum(\.quarantined), regions: sum(\.regions), pinnedBytes: sum(\.pinnedBytes))
  }
}
