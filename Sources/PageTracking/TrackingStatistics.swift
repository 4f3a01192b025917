/// What the page tracker has counted.
public struct TrackingStatistics: Hashable, Sendable {
  /// Regions that are secured now, and the bytes in them.
  public let regions: UInt64
  public let bytes: UInt64
  /// Changes of a secured region that were reported.
  public let changes: UInt64
  /// Regions that their owner left secured when told of a change: a provider's fault.
  public let leftSecured: UInt64
}
