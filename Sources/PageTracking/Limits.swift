/// How much this module keeps.
package enum PageTrackingLimits {
  /// Regions secured at once.
  package static let maximumRegions = 262_144
  /// Functions that are told of mapping changes.
  package static let maximumSubscribers = 8
}
