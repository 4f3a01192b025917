import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// After a fork the child has nothing secured, and may begin anew; the parent keeps what it has.
struct ForkTests {
  private static let fork = 57

  /// What the child does: a status for `_exit`, 0 where all is as it should be.
  private static func child(_ tracker: PageTracker, _ pages: TestPages) -> Int32 {
    let range = pages[0..<2]
    let none = TrackingStatistics(regions: 0, bytes: 0, changes: 0, leftSecured: 0)
    if tracker.statistics != none { return 1 }
    if tracker.isSecured(range.start, range.end) { return 2 }
    // A name that was given out before the fork means nothing here.
    tracker.unsecure(ChangeLog.owned[0].region)
    if tracker.statistics != none { return 3 }
    madvise(pages.address(1), pages.bytes(1), MADV_DONTNEED)
    if ChangeLog.count != 0 { return 4 }
    ChangeLog.ownedCount = 0
    do {
      _ = try tracker.subscribe(ChangeLog.handler, context: nil)
      try ChangeLog.secure(pages[0..<1], access: .read)
    } catch {
      return 5
    }
    if tracker.statistics.regions != 1 { return 6 }
    munmap(pages.base, pages.bytes(2))
    if ChangeLog.count != 1 || ChangeLog.entries[0].range != pages[0..<1] { return 7 }
    return tracker.statistics.regions == 0 ? 0 : 8
  }

  @Test func theChildBeginsAnew() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start()
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .read)
      let child = CInterceptionRecorder_syscall(Self.fork, 0, 0, 0, 0, 0, 0)
      if child == 0 { _exit(Self.child(tracker, pages)) }
      var status: Int32 = -1
      #expect(waitpid(pid_t(child), &status, 0) == pid_t(child))
      #expect(status == 0, "the child found \(status >> 8)")
      #expect(tracker.statistics.regions == 1)
      #expect(ChangeLog.recorded() == [])
      munmap(pages.base, pages.bytes(2))
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }
}
