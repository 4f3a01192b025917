import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// The kernel's own events reach the subscribers before a lookup can.
struct UserfaultTests {
  private static func observe(
    _ change: RawChange, by monitors: MonitorSet
  ) throws -> (told: [ChangeLog.Entry], range: AddressRange) {
    let tracker = try ChangeLog.start(monitors)
    let pages = TestPages(8)
    try ChangeLog.secure(pages[0..<2], access: .readWrite)
    #expect(change.apply(to: pages))
    // What every lookup does.
    _ = tracker.attend()
    return (ChangeLog.recorded(), pages[0..<2])
  }

  @Test(arguments: RawChange.allCases)
  func aRawChangeIsTold(_ change: RawChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let (told, range) = try Self.observe(change, by: .userfaultfd)
      #expect(told.map(\.range) == [range])
      #expect(told.map(\.kind) == [change.event])
      let tracker = try PageTracker.shared()
      #expect(!tracker.isSecured(range.start, range.end))
      #expect(tracker.attention.load() == 0)
      let status = try #require(tracker.monitors.first { $0.monitor == .userfaultfd })
      #expect(status.state == .running)
      #expect(status.events == 1)
      #expect(status.lastNanoseconds > 0)
    }
  }

  @Test(
    .disabled(if: CAllocationCounter_thread_sanitizer, "ThreadSanitizer: a thread that ends"),
    arguments: RawChange.allCases)
  func entriesAloneDoNotSeeIt(_ change: RawChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let (told, range) = try Self.observe(change, by: .entries)
      #expect(told == [])
      #expect(try PageTracker.shared().isSecured(range.start, range.end))
    }
  }

  /// The whole mapping is watched, not its secured pages only.
  @Test func whatIsNotSecuredIsNotTold() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.userfaultfd)
      let pages = TestPages(8)
      try ChangeLog.secure(pages[2..<4], access: .readWrite)
      #expect(CInterceptionRecorder_raw_munmap(pages.base, pages.bytes(2)) == 0)
      #expect(CInterceptionRecorder_raw_munmap(pages.address(4), pages.bytes(4)) == 0)
      _ = tracker.attend()
      #expect(ChangeLog.recorded() == [])
      #expect(CInterceptionRecorder_raw_munmap(pages.address(3), pages.bytes(1)) == 0)
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[2..<4]])
    }
  }

  /// Memory that was moved is watched where it is now.
  @Test func theDestinationOfAMoveIsWatched() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.userfaultfd)
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .readWrite)
      let moved = CInterceptionRecorder_mremap(
        pages.base, pages.bytes(2), pages.bytes(64), 1, nil)
      let there = TestPages(at: try #require(moved), 64)
      try ChangeLog.secure(there[0..<1], access: .readWrite)
      #expect(CInterceptionRecorder_raw_munmap(there.base, there.bytes(1)) == 0)
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2], there[0..<1]])
    }
  }

  /// A subscriber that unmaps what is watched waits for the event of its own.
  @Test func aSubscriberMayUnmap() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.userfaultfd)
      let pages = TestPages(2)
      let other = TestPages(2)
      let unmaps: ChangeHandler = { context, _, _, _ in
        munmap(context, 2 * Int(Page.size))
      }
      _ = try tracker.subscribe(unmaps, context: other.base)
      try ChangeLog.secure(other[0..<2], access: .read)
      try ChangeLog.secure(pages[0..<2], access: .read)
      #expect(CInterceptionRecorder_raw_munmap(pages.base, pages.bytes(2)) == 0)
      while ChangeLog.count < 2 { _ = tracker.attend() }
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2], other[0..<2]])
    }
  }

  /// What is secured after a change, at the same place, is not what has changed.
  @Test func aRegionThatIsAsItWasPinnedIsLeftAlone() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start([.userfaultfd, .audit])
      let pages = TestPages(2)
      try ChangeLog.pin(pages[0..<2])
      tracker.didChange(pages[0..<2], kind: MappingChangeKind.munmap.rawValue)
      #expect(ChangeLog.recorded() == [])
      #expect(CInterceptionRecorder_raw_munmap(pages.base, pages.bytes(2)) == 0)
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }

  @Test func aStoppedMonitorHoldsNobodyUp() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.userfaultfd)
      let pages = TestPages(4)
      try ChangeLog.secure(pages[0..<2], access: .read)
      tracker.stop()
      #expect(munmap(pages.base, pages.bytes(1)) == 0)
      #expect(ChangeLog.recorded() == [])
      try tracker.start(.userfaultfd)
      #expect(munmap(pages.address(1), pages.bytes(1)) == 0)
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }

  /// A child has the descriptor, nobody who reads it, and is not held up; nor is its parent.
  @Test func aForkDisturbsNobody() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.userfaultfd)
      let pages = TestPages(4)
      try ChangeLog.secure(pages[0..<2], access: .read)
      let child = CInterceptionRecorder_syscall(57, 0, 0, 0, 0, 0, 0)
      if child == 0 {
        if tracker.monitors.contains(where: { $0.state == .running })
          || tracker.attention.load() != 0
        {
          _exit(1)
        }
        munmap(pages.base, pages.bytes(1))
        if ChangeLog.count != 0 { _exit(2) }
        _exit(0)
      }
      #expect(munmap(pages.base, pages.bytes(1)) == 0)
      var status: Int32 = -1
      #expect(waitpid(pid_t(child), &status, 0) == pid_t(child))
      #expect(status == 0, "the child found \(status >> 8)")
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }

  /// A program that closes descriptors which it does not know loses the monitor, and nothing else:
  /// nothing is read from what it opens at their numbers.
  @Test func aClosedDescriptorEndsIt() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.userfaultfd)
      let pages = TestPages(4)
      try ChangeLog.secure(pages[0..<2], access: .read)
      let descriptor = Int32(tracker.words.eventSource.load()) - 1
      #expect(descriptor > 64)
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      #expect(dup2(ends[0], descriptor) == descriptor)
      #expect(write(ends[1], "x", 1) == 1)
      #expect(munmap(pages.base, pages.bytes(1)) == 0)
      while tracker.monitors.first(where: { $0.monitor == .userfaultfd })?.state == .running {
        sched_yield()
      }
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
      var byte: UInt8 = 0
      #expect(read(ends[0], &byte, 1) == 1)

      try tracker.start(.userfaultfd)
      try ChangeLog.secure(pages[2..<4], access: .read)
      #expect(CInterceptionRecorder_raw_munmap(pages.address(3), pages.bytes(1)) == 0)
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2], pages[2..<4]])
    }
  }
}
