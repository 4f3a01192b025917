/// How much this module keeps, and how long it waits.
package enum RegistrationCacheLimits {
  /// Nanoseconds that an invalidation waits for transfers and for other threads, in all.
  package static let invalidationNanoseconds: UInt64 = 1_000_000_000
  /// Times that a registration starts again when mappings change under it.
  package static let maximumRestarts = 64
  /// Times that pages are pinned until they are those that are mapped.
  package static let pinAttempts = 4
}

/// What a cache may hold. `UInt64.max` is no limit.
public struct CacheLimits: Hashable, Sendable {
  /// Bytes in all of its regions, in use or not.
  public var maximumBytes: UInt64
  public var maximumRegions: UInt64

  public init(maximumBytes: UInt64 = .max, maximumRegions: UInt64 = .max) {
    self.maximumBytes = maximumBytes
    self.maximumRegions = maximumRegions
  }
}
