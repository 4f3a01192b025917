import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// A program cannot tell that it is watched: what it does with memory that is, or was, secured has
/// the results that it has without.
@Suite(.enabled(if: !CAllocationCounter_thread_sanitizer))
struct TransparencyTests {
  /// How the eight pages came to be: to the application they are one mapping, whichever it is.
  enum Making: String, CaseIterable, Codable, Sendable {
    case atOnce, secondHalfLater, firstHalfLater, middleLater, protectedMeanwhile

    /// Makes them, and secures some of them on the way, or in the end.
    func make() throws -> TestPages {
      let pages = TestPages(8)
      switch self {
      case .atOnce: try ChangeLog.secure(pages[3..<5], access: .readWrite)
      case .secondHalfLater: try remake(pages, 4..<8, securing: 1..<2)
      case .firstHalfLater: try remake(pages, 0..<4, securing: 5..<8)
      case .middleLater: try remake(pages, 3..<5, securing: 6..<7)
      case .protectedMeanwhile:
        mprotect(pages.address(2), pages.bytes(2), PROT_READ)
        try ChangeLog.secure(pages[2..<3], access: .read)
        mprotect(pages.address(2), pages.bytes(2), PROT_READ | PROT_WRITE)
      }
      return pages
    }

    private func remake(_ pages: TestPages, _ part: Range<Int>, securing secured: Range<Int>) throws
    {
      let address = pages.address(part.lowerBound)
      let length = pages.bytes(part.count)
      munmap(address, length)
      try ChangeLog.secure(pages[secured], access: .readWrite)
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
      precondition(mmap(address, length, PROT_READ | PROT_WRITE, flags, -1, 0) == address)
      memset(address, Int32(TestPages.pattern), length)
    }
  }

  enum Remap: String, CaseIterable, Codable, Sendable {
    case grow, move, shrink, leave

    /// Makes the call, of libc's or raw, and returns whether the pages are where they should be.
    func apply(to pages: TestPages, raw: Bool = false) -> Bool {
      let length = pages.bytes(8)
      let mayMove = 1
      let fixed = 2
      let keepOld = 4
      switch self {
      case .grow: return call(pages, length, pages.bytes(64), mayMove, nil, raw, kept: 8)
      case .move:
        let target = TestPages(8).base
        return call(pages, length, length, mayMove | fixed, target, raw, kept: 8)
      case .shrink: return call(pages, length, pages.bytes(3), 0, nil, raw, kept: 3)
      case .leave: return call(pages, length, length, mayMove | keepOld, nil, raw, kept: 8)
      }
    }

    private func call(
      _ pages: TestPages, _ old: Int, _ new: Int, _ flags: Int, _ target: UnsafeMutableRawPointer?,
      _ raw: Bool, kept: Int
    ) -> Bool {
      let address =
        raw
        ? CInterceptionRecorder_raw(
          25, Int(bitPattern: pages.base), old, new, flags, Int(bitPattern: target), 0)
        : Int(
          bitPattern: CInterceptionRecorder_mremap(pages.base, old, new, Int32(flags), target))
      guard address > 0, let there = UnsafePointer<UInt8>(bitPattern: address) else { return false }
      return (0..<kept).allSatisfy { there[$0 * Int(Page.size)] == TestPages.pattern }
    }
  }

  private static let watched: MonitorSet = [.entries, .userfaultfd]

  @Test(arguments: Making.allCases, Remap.allCases)
  func whatIsSecuredCanBeRemapped(_ making: Making, _ remap: Remap) async {
    await #expect(processExitsWith: .success) { [making, remap] in
      let tracker = try ChangeLog.start(Self.watched)
      let pages = try making.make()
      #expect(remap.apply(to: pages), "errno \(errno)")
      _ = tracker.attend()
      #expect(tracker.statistics.leftSecured == 0)
    }
  }

  @Test(arguments: Making.allCases, Remap.allCases)
  func whatWasSecuredCanBeRemapped(_ making: Making, _ remap: Remap) async {
    await #expect(processExitsWith: .success) { [making, remap] in
      let tracker = try ChangeLog.start(Self.watched)
      let pages = try making.make()
      tracker.unsecure(ChangeLog.owned[0].region)
      #expect(remap.apply(to: pages), "errno \(errno)")
    }
  }

  @Test(arguments: Making.allCases, Remap.allCases)
  func aChildCanRemapWhatItsParentSecured(_ making: Making, _ remap: Remap) async {
    await #expect(processExitsWith: .success) { [making, remap] in
      _ = try ChangeLog.start(Self.watched)
      let pages = try making.make()
      let child = CInterceptionRecorder_syscall(57, 0, 0, 0, 0, 0, 0)
      if child == 0 { _exit(remap.apply(to: pages) ? 0 : 1) }
      var status: Int32 = -1
      #expect(waitpid(pid_t(child), &status, 0) == pid_t(child))
      #expect(status == 0)
    }
  }

  @Test(arguments: Making.allCases, Remap.allCases)
  func aRawCallIsCarriedOutWhereItTraps(_ making: Making, _ remap: Remap) async {
    await #expect(processExitsWith: .success) { [making, remap] in
      _ = try ChangeLog.start([.entries, .dispatch, .userfaultfd])
      let pages = try making.make()
      #expect(remap.apply(to: pages, raw: true))
    }
  }

  /// Lengths count in whole pages.
  @Test func whatIsNoWholePage() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start(Self.watched)
      let pages = try Making.secondHalfLater.make()
      let grown = CInterceptionRecorder_mremap(
        pages.base, pages.bytes(8) - 5, pages.bytes(64) - 5, 1, nil)
      let there = TestPages(at: try #require(grown), 64)
      #expect(munmap(there.base, there.bytes(64)) == 0)
    }
  }

  /// The counter-test, and the limit that `UserfaultMonitor` names: who goes around libc finds what
  /// the kernel has parted.
  @Test func aRawCallFindsWhatIsParted() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start(Self.watched)
      #expect(!Remap.grow.apply(to: try Making.secondHalfLater.make(), raw: true))
      #expect(Remap.grow.apply(to: try Making.atOnce.make(), raw: true))
    }
    // The same is one mapping where nothing is watched.
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start(.entries)
      #expect(Remap.grow.apply(to: try Making.secondHalfLater.make(), raw: true))
    }
  }

  /// The application's own userfaultfd gets what it asks for, and ours keeps the rest.
  @Test func theApplicationMayHandleFaultsItself() async {
    await #expect(processExitsWith: .success) {
      let tracker = try ChangeLog.start(Self.watched)
      let pages = TestPages(8)
      try ChangeLog.secure(pages[0..<1], access: .readWrite)
      #expect(
        CInterceptionRecorder_uffd_register(pages.address(4), pages.bytes(2), false) == 0)
      #expect(CInterceptionRecorder_raw_munmap(pages.base, pages.bytes(1)) == 0)
      _ = tracker.attend()
      #expect(ChangeLog.recorded().map(\.range) == [pages[0..<1]])
    }
  }

  /// The counter-test: by a call that nobody sees it is refused.
  @Test func aRawIoctlIsRefused() async {
    await #expect(processExitsWith: .success) {
      _ = try ChangeLog.start(Self.watched)
      let pages = TestPages(8)
      try ChangeLog.secure(pages[0..<1], access: .readWrite)
      let result = CInterceptionRecorder_uffd_register(pages.address(4), pages.bytes(2), true)
      #expect(result == -EBUSY)
    }
  }

  /// Collapses memory with holes into a huge page; what the kernel says, which may have none.
  private static func collapse(raw: Bool, afterwards: (TestPages) throws -> Void) rethrows -> Int {
    let huge = 512
    let all = TestPages(2 * huge)
    let skipped = (huge - Int(UInt(bitPattern: all.base) / Page.size) % huge) % huge
    let base = all.address(skipped)
    let length = huge * Int(Page.size)
    madvise(base, length, MADV_DONTNEED)
    madvise(base, length, MADV_NOHUGEPAGE)
    let pages = TestPages(at: base, 4)
    madvise(base, length, MADV_HUGEPAGE)
    try afterwards(pages)
    let collapse = 25
    return raw
      ? CInterceptionRecorder_raw(28, Int(bitPattern: base), length, collapse, 0, 0, 0)
      : Int(madvise(base, length, Int32(collapse)))
  }

  @Test func memoryWithHolesCanBeCollapsed() async {
    await #expect(processExitsWith: .success) {
      let unwatched = Self.collapse(raw: false) { _ in }
      _ = try ChangeLog.start(Self.watched)
      let watched = try Self.collapse(raw: false) {
        try ChangeLog.secure($0[0..<1], access: .readWrite)
      }
      #expect(watched == unwatched)
      if unwatched != 0 { return }
      #expect(ChangeLog.recorded().map(\.kind) == [.madvise])
      let unseen = try Self.collapse(raw: true) {
        try ChangeLog.secure($0[0..<1], access: .readWrite)
      }
      #expect(unseen == -Int(EBUSY))
    }
  }
}
