/// A provider as it was published at one moment.
package struct ProviderSnapshot: Hashable, Sendable {
  package var index: Int
  package var name: String
  /// Limits; `UInt64.max` for none.
  package var maximumBytes: UInt64
  package var maximumRegions: UInt64
  package var hits: UInt64
  package var misses: UInt64
  package var merges: UInt64
  package var evictions: UInt64
  package var invalidations: UInt64
  package var registrations: UInt64
  package var deregistrations: UInt64
  package var failures: UInt64
  package var quarantined: UInt64
  package var regions: UInt64
  package var bytes: UInt64
  package var pinnedBytes: UInt64
}
