import Glibc
import VirtualMemory

/// Which monitors were asked for and what became of it. Guarded by its owner's lock.
struct MonitorTable {
  /// Every monitor, in the order of their bits.
  static let all: [any Monitor] = [
    EntriesMonitor(), DispatchMonitor(), UserfaultMonitor(), AuditMonitor(),
  ]

  /// The process in which they were started: a child after a fork has none.
  private var pid: Int32 = 0
  private(set) var running: MonitorSet = []
  private var reasons: [MonitorSet: String] = [:]
  private var gaps: [MonitorSet: [String]] = [:]

  private mutating func forgetParent() {
    if pid == getpid() { return }
    self = MonitorTable()
    pid = getpid()
  }

  /// Starts those of the set that do not run.
  mutating func start(_ wanted: MonitorSet, for tracker: PageTracker) {
    forgetParent()
    for monitor in Self.all
    where wanted.contains(monitor.member)
      && (!running.contains(monitor.member) || monitor.failure(for: tracker) != nil)
    {
      do throws(MonitorUnavailable) {
        gaps[monitor.member] = try monitor.start(for: tracker)
        running.insert(monitor.member)
        reasons[monitor.member] = nil
      } catch {
        reasons[monitor.member] = error.reason
      }
    }
    if wanted.contains(.auditAtEveryUse), running.contains(.audit) {
      running.insert(.auditAtEveryUse)
      tracker.words.setAuditAtEveryUse(true)
    }
  }

  /// Stops all of them.
  mutating func stop(for tracker: PageTracker) {
    forgetParent()
    tracker.words.setAuditAtEveryUse(false)
    for monitor in Self.all where running.contains(monitor.member) {
      monitor.stop(for: tracker)
    }
    running = []
    reasons = [:]
    gaps = [:]
  }

  mutating func status(of monitor: any Monitor, for tracker: PageTracker) -> MonitorStatus {
    forgetParent()
    var state = MonitorStatus.State.notAskedFor
    if let reason = reasons[monitor.member] { state = .unavailable(reason: reason) }
    if running.contains(monitor.member) {
      state = monitor.failure(for: tracker).map { .unavailable(reason: $0) } ?? .running
    }
    let costs = tracker.words.costs(of: monitor.member)
    return MonitorStatus(
      monitor: monitor.member, name: monitor.name, state: state,
      uncovered: state == .running ? gaps[monitor.member] ?? [] : [monitor.uncovered],
      events: costs.events.loadRelaxed(), lastNanoseconds: costs.lastNanoseconds.loadRelaxed(),
      totalNanoseconds: costs.totalNanoseconds.loadRelaxed())
  }
}
