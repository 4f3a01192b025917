import VirtualMemory

/// Counters of the tracker, in memory set aside beforehand: any thread adds, in hook context too.
struct TrackingCounters: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  var regions: SharedWord { SharedWord(base) }
  var bytes: SharedWord { SharedWord(base + 8) }
  var changes: SharedWord { SharedWord(base + 16) }
  var leftSecured: SharedWord { SharedWord(base + 24) }

  func read() -> TrackingStatistics {
    TrackingStatistics(
      regions: regions.loadRelaxed(), bytes: bytes.loadRelaxed(), changes: changes.loadRelaxed(),
      leftSecured: leftSecured.loadRelaxed())
  }
}
