/// What became of a range whose mapping is about to change.
public enum InvalidationOutcome: Hashable, Sendable {
  /// Regions were there; none is now: not in the cache, not at an adapter, not pinned.
  case invalidated
  /// There was nothing.
  case notCached
  /// A region could not be released in time; it is quarantined, and no use of it can succeed.
  case failed
}
