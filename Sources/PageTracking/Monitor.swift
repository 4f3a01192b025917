/// A source of mapping changes. Nothing of it is called in hook context.
protocol Monitor: Sendable {
  /// Its bit, alone.
  var member: MonitorSet { get }
  var name: String { get }
  /// What nobody, or only the audit, sees while it does not run.
  var uncovered: String { get }

  /// Starts it; a second start does nothing. Throws the reason where it cannot run here; what it can
  /// only do in part it returns, a line for each.
  func start(for tracker: PageTracker) throws(MonitorUnavailable) -> [String]
  func stop(for tracker: PageTracker)
  /// Why it has ended by itself, where it has; it can be started again.
  func failure(for tracker: PageTracker) -> String?
}

extension Monitor {
  func failure(for tracker: PageTracker) -> String? { nil }
}

/// A monitor cannot run here; why, in words.
struct MonitorUnavailable: Error {
  let reason: String
}
