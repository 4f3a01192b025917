import CLinuxMemory
import VirtualMemory

/// The thread that audits all secured regions, again and again.
enum AuditThread {
  private final class Context: Sendable {
    let tracker: PageTracker
    let round: UInt32
    let periodNanoseconds: UInt64

    init(_ tracker: PageTracker, round: UInt32, periodNanoseconds: UInt64) {
      self.tracker = tracker
      self.round = round
      self.periodNanoseconds = periodNanoseconds
    }
  }

  static func start(
    for tracker: PageTracker, periodMilliseconds: UInt64
  ) throws(MonitorUnavailable) {
    let round = tracker.words.auditRound.add(1) &+ 1
    let context = Context(
      tracker, round: round,
      periodNanoseconds: min(periodMilliseconds, PageTrackingLimits.maximumAuditMilliseconds)
        * 1_000_000)
    let reference = Unmanaged.passRetained(context)
    let error = CLinuxMemory_start_thread("pindown-audit", run, reference.toOpaque())
    if error != 0 {
      reference.release()
      throw MonitorUnavailable(reason: "no thread for the audit: errno \(-error)")
    }
  }

  /// Ends the thread; it may finish the region that it is at.
  static func stop(for tracker: PageTracker) {
    let words = tracker.words
    words.auditRound.add(1)
    CLinuxMemory_futex_wake(words.auditRoundAddress, Int32.max)
  }

  private static let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    pointer in
    guard let pointer else { return nil }
    let context = Unmanaged<Context>.fromOpaque(pointer).takeRetainedValue()
    let words = context.tracker.words
    while words.auditRound.load() == context.round {
      let began = CLinuxMemory_monotonic()
      let changes = context.tracker.auditAll(inRound: context.round)
      let taken = CLinuxMemory_monotonic() - began
      words.note(.audit, changes: UInt64(changes), nanoseconds: taken)
      // With very many regions a pass takes long; it shall not take the processor.
      let pause = max(context.periodNanoseconds, taken * PageTrackingLimits.auditRest)
      _ = CLinuxMemory_futex_wait(words.auditRoundAddress, context.round, Int64(pause))
    }
    return nil
  }
}
