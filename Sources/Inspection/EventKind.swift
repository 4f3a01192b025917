package enum EventKind: UInt32, Sendable, CaseIterable {
  /// A monitor saw that a mapping under a secured range is about to change.
  case mappingChange = 1
  /// A provider's WSPMemoryRegistrationCacheCallback was called and has answered.
  case callback
  /// A region got a registration at an adapter; and lost it.
  case registered
  case deregistered
  /// A region left the cache to make room, or because its mapping changed.
  case evicted
  case invalidated
  /// A region could not be released in time.
  case quarantined
  case listening
  case connected
  case disconnected
  /// A connection was offered to another process; and taken over from one.
  case handedOver
  case takenOver
}
