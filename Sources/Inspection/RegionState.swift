/// What a region of a cache is in its life. Public as `RegionRecord` is.
@frozen
public enum RegionState: UInt8, Sendable {
  case free = 0
  /// Being secured, pinned and given to the adapters.
  case registering
  /// In the cache: in use where it has references, cached where it has none.
  case live
  /// Replaced by a larger region, kept until its last reference goes.
  case superseded
  /// Invalidated or evicted; nothing can take a reference.
  case dying
  /// Invalidated, but an adapter or the pin could not be released in time.
  case quarantined
  /// Torn down; the record stays until its last reference goes.
  case dead
}
