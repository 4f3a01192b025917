import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// What nothing announces is found by comparing.
struct AuditTests {
  /// A way to change the first two of eight pages of which no event tells.
  enum SilentChange: String, CaseIterable, Codable, Sendable {
    case guardInstall, protectNone, protectReadOnly, truncateInChild, punchHole, move
    case munmapAndMapAgain

    var isShared: Bool { self == .truncateInChild || self == .punchHole }

    func apply(to pages: TestPages, of descriptor: Int32) -> Bool {
      let start = Int(bitPattern: pages.base)
      let length = pages.bytes(2)
      let (mmap, mprotect, madvise) = (9, 10, 28)
      let guardInstall = 102
      switch self {
      case .guardInstall: return raw(madvise, start, length, guardInstall) == 0
      case .protectNone: return raw(mprotect, start, length, 0) == 0
      case .protectReadOnly: return raw(mprotect, start, length, Int(PROT_READ)) == 0
      case .truncateInChild:
        return CInterceptionRecorder_truncate_in_child(descriptor, 0) == 0
      case .punchHole:
        return CInterceptionRecorder_punch_hole_in_child(descriptor, length) == 0
      case .move:
        let place = TestPages(2)
        Glibc.madvise(place.base, length, MADV_DONTNEED)
        return CInterceptionRecorder_uffd_move(place.base, pages.base, length) == 0
      case .munmapAndMapAgain:
        let flags = Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
        let mapped = raw(mmap, start, length, Int(PROT_READ | PROT_WRITE), flags)
        memset(pages.base, 1, length)
        return mapped == start
      }
    }

    private func raw(
      _ number: Int, _ first: Int, _ second: Int, _ third: Int, _ fourth: Int = 0
    ) -> Int {
      CInterceptionRecorder_raw(number, first, second, third, fourth, -1, 0)
    }
  }

  private static func memory(shared: Bool) -> (TestPages, Int32) {
    if !shared { return (TestPages(8), -1) }
    let descriptor = CInterceptionRecorder_memfd(8 * Int(Page.size))
    let memory = mmap(
      nil, 8 * Int(Page.size), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    return (TestPages(at: memory.unsafelyUnwrapped, 8), descriptor)
  }

  private static func observe(
    _ change: SilentChange, by monitors: MonitorSet
  ) throws -> (tracker: PageTracker, range: AddressRange) {
    let tracker = try ChangeLog.start(monitors)
    let (pages, descriptor) = memory(shared: change.isShared)
    try ChangeLog.pin(pages[0..<2])
    try ChangeLog.pin(pages[6..<8])
    #expect(tracker.audit(.everything) == 0, "nothing has changed")
    #expect(change.apply(to: pages, of: descriptor))
    if change == .truncateInChild { tracker.unsecure(ChangeLog.owned[1].region) }
    return (tracker, pages[0..<2])
  }

  @Test(arguments: SilentChange.allCases)
  func anAuditFindsIt(_ change: SilentChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let (tracker, range) = try Self.observe(change, by: .audit)
      #expect(ChangeLog.recorded() == [])
      #expect(tracker.audit(.everything) == 1)
      #expect(ChangeLog.recorded().map(\.range) == [range])
      #expect(ChangeLog.recorded().map(\.kind) == [.audit])
      #expect(!tracker.isSecured(range.start, range.end))
      #expect(tracker.audit(.everything) == 0, "it is told of once")
    }
  }

  @Test(arguments: SilentChange.allCases.filter { $0 != .munmapAndMapAgain && $0 != .move })
  func theOthersDoNot(_ change: SilentChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let (tracker, range) = try Self.observe(change, by: [.entries, .userfaultfd])
      _ = tracker.attend()
      #expect(tracker.audit(.everything) == 0, "without the monitor there is nothing to compare")
      #expect(ChangeLog.recorded() == [])
      #expect(tracker.isSecured(range.start, range.end))
    }
  }

  @Test func theTimerFindsIt() async {
    await #expect(processExitsWith: .success) {
      setenv("PINDOWN_AUDIT_MILLISECONDS", "1", 1)
      let (tracker, range) = try Self.observe(.guardInstall, by: .audit)
      while tracker.isSecured(range.start, range.end) { sched_yield() }
      while tracker.monitors.first(where: { $0.monitor == .audit })?.events == 0 { sched_yield() }
      #expect(ChangeLog.recorded().map(\.kind) == [.audit])
    }
  }

  @Test func aUseOfWhatHasChangedIsRefused() async {
    await #expect(processExitsWith: .success) {
      let monitors: MonitorSet = [.audit, .auditAtEveryUse]
      let (tracker, range) = try Self.observe(.guardInstall, by: monitors)
      #expect(tracker.attend())
      #expect(!tracker.verify(ChangeLog.owned[0].region))
      #expect(tracker.verify(ChangeLog.owned[1].region))
      #expect(ChangeLog.recorded().map(\.range) == [range])
      #expect(!tracker.verify(ChangeLog.owned[0].region), "it is not secured any more")
    }
  }

  /// Without page frames only what is mapped is compared.
  @Test(arguments: [SilentChange.protectNone, .protectReadOnly])
  func withoutFramesProtectionIsCompared(_ change: SilentChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let tracker = try ChangeLog.start(.audit)
      tracker.words.pagemap.store(0)
      let (pages, descriptor) = Self.memory(shared: false)
      try ChangeLog.pin(pages[0..<2])
      #expect(change.apply(to: pages, of: descriptor))
      #expect(tracker.audit(pages[0..<2]) == 1)
    }
  }

  @Test func memoryThatIsNotPinnedMayChangeItsFrames() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.audit)
      let (pages, descriptor) = Self.memory(shared: true)
      try ChangeLog.secure(pages[0..<2], access: .readWrite)
      tracker.recordMapping(of: ChangeLog.owned[0].region, isPinned: false)
      #expect(SilentChange.punchHole.apply(to: pages, of: descriptor))
      #expect(tracker.audit(.everything) == 0)
      #expect(
        mmap(
          pages.base, pages.bytes(2), PROT_READ | PROT_WRITE,
          MAP_SHARED | MAP_FIXED, descriptor, pages.bytes(2)) != MAP_FAILED)
      #expect(tracker.audit(.everything) == 1, "another part of the file is mapped there")
    }
  }

  /// A change between the pin and the writing down is not taken for the good state.
  @Test(arguments: [SilentChange.munmapAndMapAgain, .protectNone])
  func whatChangesWhileItIsPinnedIsNotWrittenDown(_ change: SilentChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let tracker = try ChangeLog.start(.audit)
      let (pages, descriptor) = Self.memory(shared: false)
      try ChangeLog.secure(pages[0..<2], access: .readWrite)
      let region = ChangeLog.owned[0].region
      // The pages that go are held: no others get their frames.
      let pins = try PinTable()
      let pin = try pins.pin(pages[0..<2])
      defer { pins.unpin(pin) }
      let mark = tracker.markFrames(of: region)
      #expect(tracker.recordMapping(of: region, isPinned: true, since: mark))
      #expect(change.apply(to: pages, of: descriptor))
      #expect(!tracker.recordMapping(of: region, isPinned: true, since: mark))
      #expect(tracker.audit(.everything) == 1, "it is what was written down before")
    }
  }

  /// The counter-test: without the mark it is, and no audit finds it.
  @Test func withoutTheMarkTheChangedStateIsTheGoodOne() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(.audit)
      let (pages, descriptor) = Self.memory(shared: false)
      try ChangeLog.secure(pages[0..<2], access: .readWrite)
      #expect(SilentChange.munmapAndMapAgain.apply(to: pages, of: descriptor))
      #expect(tracker.recordMapping(of: ChangeLog.owned[0].region, isPinned: true))
      #expect(tracker.audit(.everything) == 0)
    }
  }
}
