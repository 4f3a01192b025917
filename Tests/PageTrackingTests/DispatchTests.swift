import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// Raw system calls are seen before they are made.
@Suite(
  .disabled(if: CAllocationCounter_thread_sanitizer, "ThreadSanitizer keeps back SIGSYS"))
struct DispatchTests {
  private static func observe(
    _ change: RawChange, by monitors: MonitorSet
  ) throws -> (told: [ChangeLog.Entry], range: AddressRange) {
    _ = try ChangeLog.start(monitors)
    ChangeLog.readsContent = true
    let pages = TestPages(8)
    try ChangeLog.secure(pages[0..<2], access: .readWrite)
    #expect(change.apply(to: pages))
    return (ChangeLog.recorded(), pages[0..<2])
  }

  @Test(arguments: RawChange.calls)
  func aRawCallIsToldBeforeItIsMade(_ change: RawChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let (told, range) = try Self.observe(change, by: .dispatch)
      #expect(told.map(\.range) == [range])
      #expect(told.map(\.kind) == [change.call])
      #expect(told.allSatisfy { $0.content == TestPages.pattern })
      let tracker = try PageTracker.shared()
      let status = try #require(tracker.monitors.first { $0.monitor == .dispatch })
      #expect(status.state == .running)
      #expect(status.events == 1)
      #expect(tracker.monitors.first { $0.monitor == .entries }?.events == 0)
    }
  }

  @Test(arguments: RawChange.calls)
  func withoutItNothingIsTold(_ change: RawChange) async {
    await #expect(processExitsWith: .success) { [change] in
      _ = try ChangeLog.start(.dispatch)
      try PageTracker.shared().stop()
      let pages = TestPages(8)
      try ChangeLog.secure(pages[0..<2], access: .readWrite)
      #expect(change.apply(to: pages))
      #expect(ChangeLog.recorded() == [])
    }
  }

  /// It may ask, though it need not.
  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"))
  func aThreadAsksForItself() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start(.dispatch)
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .read)
      let begins: @convention(c) () -> Int32 = {
        (try? PageTracker.shared().dispatchThisThread()) == true ? 1 : 0
      }
      #expect(
        CInterceptionRecorder_raw_munmap_in_thread(pages.base, pages.bytes(2), begins) == 1)
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }

  @Test func aThreadThatIsThereIsDispatchedToo() async {
    await #expect(processExitsWith: .success) {
      let pages = TestPages(2)
      CInterceptionRecorder_start_waiting_thread(pages.base, pages.bytes(2))
      _ = try ChangeLog.start(.dispatch)
      ChangeLog.readsContent = true
      try ChangeLog.secure(pages[0..<2], access: .read)
      CInterceptionRecorder_let_it_unmap_raw()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
      #expect(ChangeLog.recorded().map(\.content) == [TestPages.pattern])
    }
  }

  /// libc gives a thread's stack up with all signals blocked; a raw call of a handler may not trap
  /// then.
  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"))
  func aHandlerMakesRawCallsWhileAThreadEnds() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start([.entries, .dispatch])
      let callsRaw: ChangeHandler = { _, _, _, _ in
        precondition(CInterceptionRecorder_raw(39, 0, 0, 0, 0, 0, 0) == Int(getpid()))
      }
      _ = try tracker.subscribe(callsRaw, context: nil)
      let begins: @convention(c) () -> Int32 = {
        (try? PageTracker.shared().dispatchThisThread()) == true ? 1 : 0
      }
      let secures: @convention(c) (UnsafeMutableRawPointer?, Int) -> Void = { page, length in
        let start = UInt(bitPattern: page)
        try? ChangeLog.secure(
          AddressRange(start: start, end: start + UInt(length)), access: .read)
      }
      #expect(CInterceptionRecorder_end_thread(begins, secures) == 1)
      #expect(ChangeLog.recorded().map(\.kind) == [.madvise])
    }
  }

  /// A call is made as if nothing were there: its result, the signal mask, and what a child does.
  @Test func otherCallsAreLeftAlone() async {
    await #expect(processExitsWith: .success) {
      let (getpid, fork, gettid) = (39, 57, 186)
      _ = try ChangeLog.start([.entries, .dispatch])
      #expect(CInterceptionRecorder_raw(getpid, 0, 0, 0, 0, 0, 0) == Int(Glibc.getpid()))
      #expect(CInterceptionRecorder_raw(gettid, 0, 0, 0, 0, 0, 0) > 0)
      #expect(CInterceptionRecorder_raw(0x7fff, 0, 0, 0, 0, 0, 0) == -Int(ENOSYS))
      var former: UInt64 = 0
      let masked = UInt64(1) << UInt64(SIGUSR2 - 1)
      #expect(CInterceptionRecorder_raw_mask(masked, &former) == 0)
      var now: UInt64 = 0
      #expect(CInterceptionRecorder_raw_mask(former, &now) == 0)
      #expect(now == masked)
      let child = CInterceptionRecorder_raw(fork, 0, 0, 0, 0, 0, 0)
      if child == 0 {
        // The child has no dispatch; a raw call is just made.
        _exit(CInterceptionRecorder_raw(getpid, 0, 0, 0, 0, 0, 0) == Int(Glibc.getpid()) ? 0 : 1)
      }
      var status: Int32 = -1
      #expect(waitpid(pid_t(child), &status, 0) == pid_t(child))
      #expect(status == 0)
    }
  }

  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"))
  func theOtherMonitorsStartAndStopUnderIt() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.dispatch)
      try tracker.start(.strict)
      #expect(tracker.running == .strict, "\(tracker.monitors)")
      let pages = TestPages(2)
      try ChangeLog.pin(pages[0..<2])
      #expect(CInterceptionRecorder_raw_munmap(pages.base, pages.bytes(2)) == 0)
      #expect(!tracker.attend() || ChangeLog.count == 1)
      #expect(ChangeLog.recorded().map(\.kind) == [.munmap])
      tracker.stop()
      #expect(tracker.running == [])
    }
  }

  @Test func aSIGSYSOfSomebodyElseReachesIt() async {
    await #expect(processExitsWith: .success) {
      #expect(CInterceptionRecorder_take_sigsys() == 0)
      _ = try ChangeLog.start(.dispatch)
      #expect(CInterceptionRecorder_raise_sigsys() == 1)
    }
  }
}
