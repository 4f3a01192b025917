import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// What programs do, whoever watches: signals at any moment, and new programs in every way.
@Suite(.enabled(if: !CAllocationCounter_thread_sanitizer))
struct AnyProgramTests {
  /// A signal handler unmaps what is secured, while the thread that it interrupts secures, and is in
  /// a hook itself: each region is told of, and nobody waits for himself.
  @Test(arguments: ["entries", "entries,userfaultfd", "entries,dispatch"])
  func signalHandlersUnmap(_ monitors: String) async {
    await #expect(processExitsWith: .success) { [monitors] in
      let tracker = try PageTracker.shared()
      let leavesSecured: ChangeHandler = { _, _, _, _ in }
      _ = try tracker.subscribe(leavesSecured, context: nil)
      try tracker.start(MonitorSet(parsing: monitors))
      let rounds = 3_000
      let length = 2 * Int(Page.size)
      var taken = 0
      CInterceptionRecorder_start_storm(50, length)
      for _ in 0..<rounds {
        let pages = TestPages(2)
        _ = try tracker.secure(pages[0..<2], access: .readWrite)
        if let left = CInterceptionRecorder_offer_to_storm(pages.base) {
          munmap(left, length)
          taken += 1
        }
      }
      if let left = CInterceptionRecorder_offer_to_storm(nil) {
        munmap(left, length)
        taken += 1
      }
      let bySignal = CInterceptionRecorder_end_storm()
      _ = tracker.attend()
      #expect(bySignal > 0)
      #expect(taken + bySignal == rounds)
      // The kernel's event can be told of at the same time; each region is ended once.
      #expect(tracker.statistics.changes >= UInt64(rounds))
      #expect(tracker.statistics.leftSecured == UInt64(rounds))
      #expect(tracker.statistics.regions == 0)
    }
  }

  private static let ways = [
    CInterceptionRecorder_by_spawn, CInterceptionRecorder_by_vfork, CInterceptionRecorder_by_fork,
  ]

  /// A new program has nothing of ours: no descriptor, no signal taken, no trap. Its parent keeps
  /// what it has.
  @Test(arguments: ways.map(\.rawValue), ["default", "entries,dispatch,userfaultfd,audit"])
  func aNewProgramHasNothingOfOurs(_ way: UInt32, _ monitors: String) async {
    await #expect(processExitsWith: .success) { [way, monitors] in
      let way = CInterceptionRecorder_way(rawValue: way)
      let hasNothing = "! ls -l /proc/self/fd | grep -E 'userfaultfd|/maps|/pagemap'"
      let tracker = try ChangeLog.start(MonitorSet(parsing: monitors))
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .readWrite)
      #expect(CInterceptionRecorder_run_line(way, hasNothing) == 0)
      let allocates = "head -c 3000000 /dev/zero | tail -c 1000000 | wc -c | grep -q 1000000"
      #expect(CInterceptionRecorder_run_line(way, allocates) == 0)
      #expect(ChangeLog.recorded() == [])
      #expect(tracker.isSecured(pages[0..<2].start, pages[0..<2].end))
      munmap(pages.base, pages.bytes(2))
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }
}
