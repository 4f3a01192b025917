import CAllocationCounter
import CInterceptionRecorder
import Glibc
import Inspection
import PageTracking
import Testing
import VirtualMemory

@testable import RegistrationCache

// The monitors belong to a process, and so does each of these tests.

/// After a change that libc knows nothing of no lookup finds what was registered before.
struct MonitorTests {
  nonisolated(unsafe) private static var cache: RegistrationCache?
  private static let adapters = FakeAdapters()

  private static let handler: ChangeHandler = { _, start, end, _ in
    _ = cache?.invalidate(AddressRange(start: start, end: end))
  }

  private static func start(_ monitors: MonitorSet) throws -> RegistrationCache {
    setenv("PINDOWN_AUDIT_MILLISECONDS", "0", 1)
    let tracker = try PageTracker.shared()
    try tracker.start(monitors)
    precondition(tracker.running == monitors, "\(tracker.monitors)")
    let cache = try RegistrationCache(
      providerName: "test", adapters: adapters.operations, pins: try PinTable())
    self.cache = cache
    _ = try tracker.subscribe(handler, context: nil)
    return cache
  }

  /// Unmaps by a raw call, maps again in place, and registers. Returns whether that was a hit.
  private static func hitsAfterRawUnmapping(by monitors: MonitorSet) throws -> Bool {
    let cache = try start(monitors)
    var (memory, first) = try registered(in: cache)
    while !unmapRawAndMapAgain(memory) {
      cache.release(first)
      (memory, first) = try registered(in: cache)
    }
    let second = try cache.register(memory.range, access: .readWrite, adapter: 0)
    #expect((cache.key(first, adapter: 0) == nil) == (first != second))
    #expect(cache.key(second, adapter: 0) != nil)
    return first == second
  }

  private static func registered(
    in cache: RegistrationCache
  ) throws -> (TestMemory, RegionReference) {
    let memory = try TestMemory(pages: 4)
    memset(memory.base, 1, Int(memory.range.length))
    return (memory, try cache.register(memory.range, access: .readWrite, adapter: 0))
  }

  /// False where somebody else has mapped something there in between, as sanitizers do.
  private static func unmapRawAndMapAgain(_ memory: TestMemory) -> Bool {
    let length = Int(memory.range.length)
    #expect(CInterceptionRecorder_raw_munmap(memory.base, length) == 0)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE
    return mmap(memory.base, length, PROT_READ | PROT_WRITE, flags, -1, 0) == memory.base
  }

  private static let MAP_FIXED_NOREPLACE: Int32 = 0x100000

  @Test(arguments: ["userfaultfd", "entries,userfaultfd,audit"])
  func aRawUnmappingIsNoHit(_ monitors: String) async {
    await #expect(processExitsWith: .success) { [monitors] in
      let isHit = try Self.hitsAfterRawUnmapping(by: MonitorSet(parsing: monitors))
      #expect(!isHit)
    }
  }

  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"),
    arguments: ["dispatch", "strict"])
  func aRawUnmappingIsNoHitEither(_ monitors: String) async {
    await #expect(processExitsWith: .success) { [monitors] in
      let isHit = try Self.hitsAfterRawUnmapping(by: MonitorSet(parsing: monitors))
      #expect(!isHit)
    }
  }

  @Test(arguments: ["entries", "audit"])
  func withoutTheMonitorItIsAStaleHit(_ monitors: String) async {
    await #expect(processExitsWith: .success) { [monitors] in
      let isHit = try Self.hitsAfterRawUnmapping(by: MonitorSet(parsing: monitors))
      #expect(isHit)
    }
  }

  /// A shared file that loses its pages. Returns whether a registration that is held has a key, and
  /// whether the next one is a hit.
  private static func afterPunchingAHole(
    _ monitors: MonitorSet
  ) throws -> (hasKey: Bool, isHit: Bool) {
    let cache = try start(monitors)
    let length = 4 * Int(Page.size)
    let descriptor = CInterceptionRecorder_memfd(length)
    let memory = try #require(
      mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0))
    memset(memory, 1, length)
    let start = UInt(bitPattern: memory)
    let range = AddressRange(start: start, end: start + UInt(length))
    let first = try cache.register(range, access: .readWrite, adapter: 0)
    let second = try cache.register(range, access: .read, adapter: 1)
    #expect(first == second && cache.key(first, adapter: 1) != nil)
    #expect(CInterceptionRecorder_punch_hole_in_child(descriptor, length) == 0)
    let hasKey = cache.key(first, adapter: 0) != nil
    let third = try cache.register(range, access: .readWrite, adapter: 0)
    #expect(cache.key(third, adapter: 0) != nil)
    return (hasKey, third == first)
  }

  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"))
  func strictUsesNothingThatHasLostItsPages() async {
    await #expect(processExitsWith: .success) {
      let (hasKey, isHit) = try Self.afterPunchingAHole(.strict)
      #expect(!hasKey && !isHit)
      let audit = try PageTracker.shared().monitors.first { $0.monitor == .audit }
      #expect(audit?.events == 1)
    }
  }

  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"))
  func withoutTheAuditAtEveryUseItIsAStaleUse() async {
    await #expect(processExitsWith: .success) {
      let monitors: MonitorSet = [.entries, .dispatch, .userfaultfd, .audit]
      let (hasKey, isHit) = try Self.afterPunchingAHole(monitors)
      #expect(hasKey && isHit)
      // On demand it is found.
      let everything = AddressRange(start: 0, end: .max)
      #expect(try PageTracker.shared().audit(everything) == 1)
      #expect(Self.cache?.record.regions.load() == 0)
    }
  }

  /// A segment is not pinned: what counts is that it is mapped.
  @Test func aSegmentIsAuditedByWhatIsMapped() async {
    await #expect(processExitsWith: .success) {
      let cache = try Self.start([.audit, .auditAtEveryUse])
      let segment = try MemfdSegment(byteCount: 4 * Page.size)
      let range = segment.range
      let first = try cache.register(range, access: .readWrite, adapter: 0)
      memset(segment.baseAddress, 1, Int(range.length))
      #expect(try cache.register(range, access: .readWrite, adapter: 0) == first)
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
      #expect(
        mmap(segment.baseAddress, Int(Page.size), PROT_READ | PROT_WRITE, flags, -1, 0)
          == segment.baseAddress)
      #expect(cache.key(first, adapter: 0) == nil)
      _ = consume segment
    }
  }

  @Test func whatAMonitorReportsIsPublished() async {
    await #expect(processExitsWith: .success) {
      let publication = try Publication.current()
      try PageTracker.shared().publishCosts(at: publication.header.monitor(0).base)
      let isHit = try Self.hitsAfterRawUnmapping(by: .userfaultfd)
      #expect(!isHit)
      let events = (0..<Layout.maximumMonitors).map {
        publication.header.monitor($0).events.load()
      }
      #expect(events == [0, 0, 1, 0])
      #expect(publication.header.monitor(2).lastNanoseconds.load() > 0)
      #expect(MonitorBit.userfaultfd == MonitorSet.userfaultfd.rawValue)
    }
  }
}
