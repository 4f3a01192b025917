/// How much this module keeps.
package enum PageTrackingLimits {
  /// Regions secured at once.
  package static let maximumRegions = 262_144
  /// Parts of the set of secured pages, a power of two: four for each region. Where they do not
  /// suffice, hooks look at the index a few times too often.
  package static let maximumPageSetUnits = 1 << 20
  /// Functions that are told of mapping changes.
  package static let maximumSubscribers = 8
  /// Events of the kernel that wait to be reported. Beyond that everything counts as changed.
  package static let maximumQueuedEvents = 16_384
  /// Milliseconds from one timed audit to the next, where `PINDOWN_AUDIT_MILLISECONDS` says nothing;
  /// and at most.
  package static let auditMilliseconds: UInt64 = 250
  package static let maximumAuditMilliseconds: UInt64 = 3_600_000
  /// A timed audit rests for this many times what its last pass took, if that is longer.
  package static let auditRest: UInt64 = 9
  /// Times that a region is compared before it counts as changed.
  package static let auditAttempts = 4
}
