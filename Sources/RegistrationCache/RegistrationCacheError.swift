import VirtualMemory

/// Why memory cannot be registered.
public enum RegistrationCacheError: Error, Hashable, Sendable {
  /// The range is empty, wraps, or lies above what an application can map.
  case invalidRange
  /// A part of the range is not mapped, or not accessible as a NIC needs it.
  case notMapped
  /// Mappings of the range changed each time that it was about to be registered: try again.
  case changing
  /// No room, also after everything that could be evicted was: pinned memory, an adapter's table,
  /// or a limit of the cache.
  case exhausted
  /// Memory of this kind cannot be registered here: without io_uring only memfd segments can.
  case unavailable
  /// The cache, or what it needs, could not be set up.
  case system(errno: Int32)

  init(_ error: VirtualMemoryError) {
    self =
      switch error {
      case .notMapped: .notMapped
      case .exhausted: .exhausted
      case .unavailable, .notPermitted: .unavailable
      case .system(let errno): .system(errno: errno)
      }
  }
}
