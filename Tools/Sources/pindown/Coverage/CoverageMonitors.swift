import Pindown

/// Which monitors report, by what they have counted.
struct CoverageMonitors {
  private let tracker: PageTracker

  init(_ tracker: PageTracker) {
    self.tracker = tracker
  }

  /// Reports of each monitor so far.
  var counts: [String: UInt64] {
    ["entries": tracker.statistics.changes]
  }

  /// The monitors that have reported since.
  func rising(since old: [String: UInt64]) -> [String] {
    counts.filter { $0.value > old[$0.key, default: 0] }.keys.sorted()
  }

  /// Nanoseconds within which a report may still come when the change is over.
  var patience: UInt64 { 0 }
}
