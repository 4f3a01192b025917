// `handler` and what it calls run in hook context: no allocation, no lock, no Swift object, nothing
// lazy.

import CWinsockDirect
import Glibc
import Inspection
import PageTracking
import VirtualMemory

/// What hears of mapping changes for the switch, and asks every provider.
///
/// One for a process: started with the first switch, and there until the process ends, so that the
/// context of the subscription never dangles.
struct ChangeFanOut: @unchecked Sendable {
  /// What the subscription's context points to.
  private struct Context {
    let table: CallbackTable
    let publication: Publication
  }

  let table: CallbackTable
  let publication: Publication
  let tracker: PageTracker

  private static let instance = Lock<ChangeFanOut?>(nil)

  /// The fan-out of this process, subscribed.
  static func shared() throws(SwitchError) -> ChangeFanOut {
    try instance.withLock { (instance) throws(SwitchError) in
      if let instance { return instance }
      let made = try ChangeFanOut()
      instance = made
      return made
    }
  }

  private init() throws(SwitchError) {
    do throws(InspectionError) {
      publication = try Publication.current()
    } catch {
      throw .publicationUnavailable(reason: "\(error)")
    }
    table = CallbackTable(publication: publication)
    let context = UnsafeMutablePointer<Context>.allocate(capacity: 1)
    context.initialize(to: Context(table: table, publication: publication))
    do throws(PageTrackingError) {
      tracker = try PageTracker.shared()
      table.warmUp()
      _ = try tracker.subscribe(Self.handler, context: UnsafeMutableRawPointer(context))
    } catch {
      throw .trackingUnavailable(reason: "\(error)")
    }
  }

  private static let handler: ChangeHandler = { context, start, end, kind in
    guard let context = context?.assumingMemoryBound(to: Context.self) else { return }
    let range = AddressRange(start: start, end: end)
    let publication = context.pointee.publication
    publication.header.mappingChanges.count()
    publication.append(.mappingChange, range: range, detail: kind)
    context.pointee.table.callAll(range)
  }

  /// Starts the monitors, and publishes which were wanted and which run.
  func start(_ monitors: MonitorSet) throws(SwitchError) {
    publication.header.monitorsWanted.formUnion(monitors.rawValue)
    do throws(PageTrackingError) {
      try tracker.start(monitors)
    } catch {
      throw .trackingUnavailable(reason: "\(error)")
    }
    tracker.publishCosts(at: publication.header.monitor(0).base)
    publication.update {
      publication.header.monitorsRunning.store(tracker.running.rawValue)
      for (index, monitor) in tracker.monitors.enumerated() {
        publication.header.monitor(index).write(uncovered: Self.uncovered(by: monitor))
      }
    }
  }

  private static func uncovered(by monitor: MonitorStatus) -> String {
    let text = monitor.uncovered.joined(separator: "; ")
    if case .unavailable(let reason) = monitor.state { return "\(reason); so \(text)" }
    return text
  }
}

extension MonitorSet {
  /// What `PINDOWN_MONITORS` asks for, as the switch reports what is wrong with it.
  static func wanted() throws(SwitchError) -> MonitorSet {
    do throws(PageTrackingError) {
      return try .ofEnvironment()
    } catch {
      throw .trackingUnavailable(reason: "\(error)")
    }
  }
}
