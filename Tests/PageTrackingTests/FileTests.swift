import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Testing
import VirtualMemory

@testable import PageTracking

/// A file that loses pages changes what is mapped, and has no addresses.
struct FileTests {
  /// What is done to a file of eight pages; regions 0..<2 and 6..<8 of its mapping are secured.
  enum FileChange: String, CaseIterable, Codable, Sendable {
    case truncate, ftruncate, ftruncateRaw, ftruncateTail, punchHole, punchHoleRaw
    /// These take no page away.
    case grow, truncateAnother, allocate

    var touched: [Int] {
      switch self {
      case .truncate, .ftruncate, .ftruncateRaw: [0, 1]
      case .ftruncateTail: [1]
      case .punchHole, .punchHoleRaw: [0]
      case .grow, .truncateAnother, .allocate: []
      }
    }

    func apply(to descriptor: Int32) -> Bool {
      let page = Int(Page.size)
      let (ftruncateNumber, fallocateNumber, punchHole) = (77, 285, 3)
      switch self {
      case .truncate: return Glibc.truncate("/proc/self/fd/\(descriptor)", 0) == 0
      case .ftruncate: return Glibc.ftruncate(descriptor, 0) == 0
      case .ftruncateRaw:
        return CInterceptionRecorder_raw(ftruncateNumber, Int(descriptor), 0, 0, 0, 0, 0) == 0
      case .ftruncateTail: return Glibc.ftruncate(descriptor, 6 * page + 1) == 0
      case .punchHole: return CInterceptionRecorder_punch_hole(descriptor, page) == 0
      case .punchHoleRaw:
        return CInterceptionRecorder_raw(
          fallocateNumber, Int(descriptor), punchHole, 0, page, 0, 0) == 0
      case .grow: return Glibc.ftruncate(descriptor, 16 * page) == 0
      case .truncateAnother:
        return Glibc.ftruncate(CInterceptionRecorder_memfd(8 * page), 0) == 0
      case .allocate: return posix_fallocate(descriptor, 0, 8 * page) == 0
      }
    }
  }

  private static func observe(
    _ change: FileChange, by monitors: MonitorSet
  ) throws -> [AddressRange] {
    _ = try ChangeLog.start(monitors)
    ChangeLog.readsContent = true
    let length = 8 * Int(Page.size)
    let descriptor = CInterceptionRecorder_memfd(length)
    let memory = try #require(
      mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0))
    let pages = TestPages(at: memory, 8)
    let anonymous = TestPages(1)
    try ChangeLog.secure(pages[0..<2], access: .readWrite)
    try ChangeLog.secure(pages[6..<8], access: .readWrite)
    try ChangeLog.secure(anonymous[0..<1], access: .readWrite)
    #expect(change.apply(to: descriptor))
    return [pages[0..<2], pages[6..<8]]
  }

  @Test(
    .disabled(if: CAllocationCounter_thread_sanitizer, "ThreadSanitizer keeps back SIGSYS"),
    arguments: FileChange.allCases)
  func aRegionIsToldBeforeItLosesPages(_ change: FileChange) async {
    await #expect(processExitsWith: .success) { [change] in
      let regions = try Self.observe(change, by: [.entries, .dispatch])
      let seen = ChangeLog.recorded()
      // The order is that of the addresses.
      #expect(seen.map(\.range) == change.touched.map { regions[$0] })
      #expect(seen.allSatisfy { $0.kind == .truncate && $0.content == TestPages.pattern })
      #expect(try PageTracker.shared().statistics.regions == UInt64(3 - change.touched.count))
    }
  }

  @Test(arguments: [FileChange.ftruncate, .ftruncateRaw, .punchHole])
  func userfaultfdDoesNotSeeIt(_ change: FileChange) async {
    await #expect(processExitsWith: .success) { [change] in
      _ = try Self.observe(change, by: .userfaultfd)
      _ = try PageTracker.shared().attend()
      #expect(ChangeLog.recorded() == [])
    }
  }
}
