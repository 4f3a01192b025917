import Glibc
import Pindown

/// The monitors of a process: which of them report, and for how long one may wait for them.
struct CoverageMonitors {
  private let tracker: PageTracker

  init(_ tracker: PageTracker) {
    self.tracker = tracker
  }

  /// Reports of each monitor so far.
  var counts: [String: UInt64] {
    Dictionary(uniqueKeysWithValues: tracker.monitors.map { ($0.name, $0.events) })
  }

  /// The monitors that have reported since, those first that are told before a change.
  func rising(since old: [String: UInt64]) -> [String] {
    tracker.monitors.filter { $0.events > old[$0.name, default: 0] }.map(\.name)
  }

  /// Whether a use has to wait for nobody: every one is audited.
  var auditsEveryUse: Bool { tracker.running.contains(.auditAtEveryUse) }

  /// Nanoseconds within which a report may still come when the change is over. None where every use
  /// is audited.
  var patience: UInt64 {
    let running = tracker.running
    if auditsEveryUse { return 0 }
    if running.contains(.audit) { return 4 * auditInterval + 2_000_000_000 }
    return running.contains(.userfaultfd) ? 200_000_000 : 0
  }

  private var auditInterval: UInt64 {
    let text = getenv("PINDOWN_AUDIT_MILLISECONDS").map { String(cString: $0) } ?? ""
    return (UInt64(text) ?? 250) * 1_000_000
  }

  /// What cannot run here, of those that are wanted; the reason for each. Starts and stops them in
  /// this process.
  static func unavailable(_ wanted: MonitorSet) throws -> [String] {
    let tracker = try PageTracker.shared()
    try tracker.start(wanted)
    defer { tracker.stop() }
    return tracker.monitors.compactMap { monitor in
      guard case .unavailable(let reason) = monitor.state else { return nil }
      return "\(monitor.name) is not available: \(reason)"
    }
  }
}
