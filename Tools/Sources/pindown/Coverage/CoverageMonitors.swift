import Pindown

/// The monitors of a process: which of them report, and for how long one may wait for them.
struct CoverageMonitors {
  private let tracker: PageTracker

  init(_ tracker: PageTracker) {
    self.tracker = tracker
  }

  /// Reports of each monitor so far.
  var counts: [String: UInt64] { ["entries": tracker.statistics.changes] }

  /// The monitors that have reported since, those first that are told before a change.
  func rising(since old: [String: UInt64]) -> [String] {
    counts.filter { $0.value > old[$0.key, default: 0] }.map(\.key)
  }

  /// Nanoseconds within which a report may still come when the change is over.
  var patience: UInt64 { 0 }

  /// What cannot run here, of those that are wanted; the reason for each. Starts and stops them in
  /// this process.
  static func unavailable(_ wanted: MonitorSet) throws -> [String] {
    let tracker = try PageTracker.shared()
    defer { tracker.stop() }
    do {
      try tracker.start(wanted)
    } catch .monitorUnavailable(let reason) {
      return [reason]
    }
    return []
  }
}
