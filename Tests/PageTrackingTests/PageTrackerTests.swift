import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

// The tracker and its monitors belong to a process, and so does each of these tests.

/// Whoever secured a region is told before its mapping changes, and of nothing else.
struct PageTrackerTests {
  /// Eight pages, three secured regions, and what is left of them after the change.
  private static func observe(
    _ change: MappingChange, monitored: Bool
  ) throws -> (regions: [AddressRange], statistics: TrackingStatistics) {
    let tracker = try ChangeLog.start(monitored: monitored)
    let pages = TestPages(8)
    let regions = [pages[0..<2], pages[2..<4], pages[6..<8]]
    for (range, access) in zip(regions, [.read, .readWrite, .read] as [MemoryAccess]) {
      try ChangeLog.secure(range, access: access)
    }
    #expect(change.apply(to: pages))
    return (regions, tracker.statistics)
  }

  private static func expectTold(_ change: MappingChange) throws {
    let (regions, statistics) = try observe(change, monitored: true)
    let seen = ChangeLog.recorded()
    #expect(seen.map(\.range) == change.touched.map { regions[$0] })
    #expect(seen.allSatisfy { $0.content == TestPages.pattern && $0.kind == change.kind })
    let isByThread = change == .munmapByThread
    #expect(seen.allSatisfy { (pthread_equal($0.thread, pthread_self()) == 0) == isByThread })
    let tracker = try PageTracker.shared()
    for (index, region) in regions.enumerated() {
      let isLeft = !change.touched.contains(index)
      #expect(tracker.isSecured(region.start, region.end) == isLeft)
    }
    let left = 3 - change.touched.count
    #expect(statistics.regions == UInt64(left))
    #expect(statistics.bytes == UInt64(left) * UInt64(2 * Page.size))
    #expect(statistics.changes == UInt64(change.touched.count))
    #expect(statistics.leftSecured == 0)
  }

  @Test(arguments: MappingChange.allCases.filter { $0 != .munmapByThread })
  func aChangeIsToldBeforeItHappens(_ change: MappingChange) async {
    await #expect(processExitsWith: .success) { [change] in try Self.expectTold(change) }
  }

  @Test(
    .disabled(if: CAllocationCounter_thread_sanitizer, "ThreadSanitizer: a thread that ends"))
  func aChangeByAnotherThreadIsToldBeforeItHappens() async {
    await #expect(processExitsWith: .success) { try Self.expectTold(.munmapByThread) }
  }

  @Test(arguments: MappingChange.allCases)
  func withoutAMonitorNothingIsTold(_ change: MappingChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let (_, statistics) = try Self.observe(change, monitored: false)
      #expect(ChangeLog.recorded() == [])
      #expect(statistics.regions == 3)
    }
  }

  @Test func aStoppedMonitorSeesNothing() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start()
      #expect(tracker.running == .entries)
      tracker.stop()
      #expect(tracker.running == [])
      let pages = TestPages(1)
      try ChangeLog.secure(pages[0..<1], access: .read)
      munmap(pages.base, pages.bytes(1))
      #expect(ChangeLog.recorded() == [])
    }
  }

  // A sanitizer's allocator keeps what is freed.
  @Test(.enabled(if: CAllocationCounter_available)) func freeOfALargeBlock() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start()
      let bytes = 8 << 20
      let block = try #require(malloc(bytes))
      memset(block, Int32(TestPages.pattern), bytes)
      let address = UInt(bitPattern: block)
      let range = try #require(AddressRange(start: address, end: address + UInt(bytes)).pageAligned)
      let inner = AddressRange(start: range.start + Page.size, end: range.end)
      try ChangeLog.secure(inner, access: .readWrite)
      free(block)
      #expect(ChangeLog.recorded().map(\.range) == [inner])
      #expect(ChangeLog.entries[0].kind == .munmap)
      #expect(ChangeLog.entries[0].content == TestPages.pattern)
    }
  }

  @Test func theHeapShrinks() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start()
      // In whole pages, whatever the heap's end was.
      let end = UInt(bitPattern: sbrk(0))
      let gap = Int((Page.size - end % Page.size) % Page.size)
      let length = gap + 4 * Int(Page.size)
      let old = try #require(sbrk(length))
      let pages = TestPages(at: old + gap, 4)
      try ChangeLog.secure(pages[2..<4], access: .read)
      // Only if nobody has moved the end meanwhile is it ours to move back.
      try #require(sbrk(0) == pages.address(4))
      #expect(sbrk(-Int(Page.size)) == pages.address(4))
      #expect(ChangeLog.recorded().map(\.range) == [pages[2..<4]])
      #expect(ChangeLog.entries[0].kind == .brk)
      #expect(ChangeLog.entries[0].content == TestPages.pattern)
    }
  }

  @Test func aSharedSegmentIsDetached() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start()
      let identifier = CInterceptionRecorder_shmget(2 * Int(Page.size))
      let base = try #require(CInterceptionRecorder_shmat(identifier, nil, 0))
      CInterceptionRecorder_shm_remove(identifier)
      let pages = TestPages(at: base, 2)
      try ChangeLog.secure(pages[1..<2], access: .readWrite)
      #expect(CInterceptionRecorder_shmdt(base) == 0)
      #expect(ChangeLog.recorded().map(\.range) == [pages[1..<2]])
      #expect(ChangeLog.entries[0].kind == .shmdt)
      #expect(ChangeLog.entries[0].content == TestPages.pattern)
    }
  }

  /// Two owners of overlapping ranges are both told, each of its own region.
  @Test func overlappingRegionsAreToldSeparately() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start()
      ChangeLog.leavesSecured = true
      let pages = TestPages(4)
      try ChangeLog.secure(pages[0..<3], access: .read)
      try ChangeLog.secure(pages[1..<4], access: .read)
      try ChangeLog.secure(pages[1..<4], access: .write)
      munmap(pages.address(2), pages.bytes(1))
      #expect(
        ChangeLog.recorded().map(\.range) == [pages[0..<3], pages[1..<4], pages[1..<4]])
      #expect(tracker.statistics.regions == 0)
    }
  }

  @Test func whatASubscriberLeavesSecuredIsCountedAndEnded() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start()
      ChangeLog.leavesSecured = true
      let pages = TestPages(2)
      try ChangeLog.secure(pages[0..<2], access: .read)
      munmap(pages.address(1), pages.bytes(1))
      #expect(tracker.statistics.leftSecured == 1)
      #expect(tracker.statistics.regions == 0)
      #expect(!tracker.isSecured(pages[0..<2].start, pages[0..<2].end))
      // Its name means nothing any more, also when the place is used again.
      try ChangeLog.secure(pages[0..<1], access: .read)
      tracker.unsecure(ChangeLog.owned[0].region)
      #expect(tracker.statistics.regions == 1)
    }
  }

  @Test func onlyWhatCanBeSecuredIs() async {
    await #expect(processExitsWith: .success) {
      let tracker = try PageTracker.shared()
      let page = Page.size
      let ranges = [
        AddressRange(start: page, end: page), AddressRange(start: page + 1, end: 2 * page),
        AddressRange(start: page, end: 2 * page - 1),
        AddressRange(start: .max - 2 * page + 1, end: .max - page + 1),
      ]
      for range in ranges {
        #expect(throws: PageTrackingError.invalidRange) {
          try tracker.secure(range, access: .read)
        }
      }
      #expect(tracker.statistics.regions == 0)
    }
  }
}
