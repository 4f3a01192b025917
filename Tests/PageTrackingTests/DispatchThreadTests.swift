import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// Threads that are made while raw calls are dispatched, and what they may do with SIGSYS.
@Suite(
  .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"))
struct DispatchThreadTests {
  /// Values of CInterceptionRecorder_route.
  static let masks = [
    CInterceptionRecorder_route_function, CInterceptionRecorder_route_syscall,
    CInterceptionRecorder_route_instruction, CInterceptionRecorder_route_context,
  ].map(\.rawValue)
  static let actions = Array(masks.prefix(3))
  private static let sets = ["dispatch", "entries,dispatch"]

  @Test(arguments: sets)
  func aNewThreadIsDispatched(_ monitors: String) async {
    await #expect(processExitsWith: .success) { [monitors] in
      let tracker = try ChangeLog.start(MonitorSet(parsing: monitors))
      ChangeLog.readsContent = true
      let pages = TestPages(4)
      try ChangeLog.secure(pages[0..<2], access: .read)
      try ChangeLog.secure(pages[2..<4], access: .read)
      CInterceptionRecorder_raw_munmap_in_threads(pages.base, pages.bytes(2), 1)
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
      #expect(ChangeLog.recorded().map(\.content) == [TestPages.pattern])
      tracker.stop()
      CInterceptionRecorder_raw_munmap_in_threads(pages.address(2), pages.bytes(2), 1)
      #expect(ChangeLog.count == 1, "when it is stopped new threads begin without")
    }
  }

  @Test func manyThreadsAtOnceAreDispatched() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start([.entries, .dispatch])
      let pages = TestPages(64)
      for page in 0..<64 { try ChangeLog.secure(pages[page..<(page + 1)], access: .read) }
      CInterceptionRecorder_raw_munmap_in_threads(pages.base, pages.bytes(64), 64)
      let told = ChangeLog.recorded().map(\.range.start).sorted()
      #expect(told == (0..<64).map { pages[$0..<($0 + 1)].start })
    }
  }

  /// The counter-test: a thread that does not come from libc is not seen, and `uncovered` says so.
  @Test func aThreadThatLibcDoesNotMakeBeginsWithout() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.dispatch)
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .read)
      #expect(CInterceptionRecorder_raw_munmap_in_raw_thread(pages.base, pages.bytes(2)) == 0)
      #expect(ChangeLog.count == 0)
      let status = try #require(tracker.monitors.first { $0.monitor == .dispatch })
      #expect(status.uncovered == ["threads that are made by a raw clone, unless they call for it"])
    }
  }

  @Test func aThreadThatBeginsWithSIGSYSBlockedFollowsWhenItUnblocksIt() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start(.dispatch)
      let pages = TestPages(4)
      try ChangeLog.secure(pages[0..<2], access: .read)
      try ChangeLog.secure(pages[2..<4], access: .read)
      #expect(CInterceptionRecorder_raw_munmap_in_blocked_thread(pages.base, pages.bytes(4)))
      #expect(ChangeLog.recorded().map(\.range) == [pages[2..<4]])
    }
  }

  @Test(arguments: masks)
  func nobodyBlocksSIGSYS(_ route: UInt32) async {
    await #expect(processExitsWith: .success) { [route] in
      _ = try ChangeLog.start([.entries, .dispatch])
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .read)
      let mask = CInterceptionRecorder_block_all(CInterceptionRecorder_route(route))
      #expect(mask & 1 << UInt64(SIGSYS - 1) == 0)
      #expect(mask & 1 << UInt64(SIGUSR1 - 1) != 0)
      #expect(CInterceptionRecorder_raw_munmap(pages.base, pages.bytes(2)) == 0)
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }

  @Test(arguments: actions, [true, false])
  func noHandlerBlocksSIGSYS(_ route: UInt32, comesFirst: Bool) async {
    await #expect(processExitsWith: .success) { [route, comesFirst] in
      let route = CInterceptionRecorder_route(route)
      if comesFirst { CInterceptionRecorder_handle_with_all_blocked(route) }
      _ = try ChangeLog.start([.entries, .dispatch])
      if !comesFirst { CInterceptionRecorder_handle_with_all_blocked(route) }
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .read)
      CInterceptionRecorder_raw_munmap_in_that_handler(pages.base, pages.bytes(2))
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
    }
  }

  /// The counter-test: where SIGSYS is blocked all the same a raw call ends the process.
  @Test func aMaskThatIsNotSeenIsFatal() async {
    await #expect(processExitsWith: .signal(SIGSYS)) {
      _ = try ChangeLog.start([.entries, .dispatch])
      let pages = TestPages(2)
      CInterceptionRecorder_raw_munmap_in_suspended_handler(pages.base, pages.bytes(2))
    }
  }

  @Test func aHandlerForSIGSYSDoesNotReplaceOurs() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start([.entries, .dispatch])
      #expect(CInterceptionRecorder_take_sigsys() == 0)
      #expect(CInterceptionRecorder_raise_sigsys() == 1)
      #expect(CInterceptionRecorder_sigsys_is_taken())
      #expect(CInterceptionRecorder_spawn_with_defaults() == 0)
      #expect(CInterceptionRecorder_child_has_sigsys() == 0)
      #expect(CInterceptionRecorder_raise_sigsys() == 2)
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .read)
      #expect(CInterceptionRecorder_raw_munmap(pages.base, pages.bytes(2)) == 0)
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<2]])
      #expect(CInterceptionRecorder_raise_sigsys() == 3)
    }
  }

  @Test func theDefaultOfSIGSYSIsStillToDie() async {
    await #expect(processExitsWith: .signal(SIGSYS)) {
      _ = try ChangeLog.start([.entries, .dispatch])
      #expect(CInterceptionRecorder_take_sigsys() == 0)
      CInterceptionRecorder_default_sigsys()
      _ = CInterceptionRecorder_raise_sigsys()
    }
  }
}
