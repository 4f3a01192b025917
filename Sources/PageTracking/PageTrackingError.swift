/// Why a range cannot be secured, or mapping changes cannot be watched.
public enum PageTrackingError: Error, Hashable, Sendable {
  /// `PageTrackingLimits.maximumRegions` are secured, or there is no memory for the index.
  case exhausted
  /// The range is empty, not page-aligned, or above the addresses that an application can map.
  case invalidRange
  /// A monitor of this name does not exist.
  case unknownMonitor(String)
  /// A monitor cannot run here; the reason in words.
  case monitorUnavailable(String)
}
