import CAllocationCounter
import CInterceptionRecorder
import Glibc
import PageTracking
import Synchronization
import Testing
import VirtualMemory

@testable import RegistrationCache

/// The rule of the hook context: nothing is allocated on the thread whose mapping changes.
@Suite(.serialized, .enabled(if: CAllocationCounter_available))
struct AllocationTests {
  /// What the tracker calls: the cache, as a switch and a provider would.
  nonisolated(unsafe) private static var cache: Unmanaged<RegistrationCache>?
  nonisolated(unsafe) private static var changes = 0
  nonisolated(unsafe) private static var watched: UInt = 0
  /// Breaks the rule, for the counter-test.
  nonisolated(unsafe) private static var allocates = false
  nonisolated(unsafe) private static var allocated: UnsafeMutableRawPointer?

  private static let handler: ChangeHandler = { _, start, end, _ in
    // Other suites run at the same time, and their mappings change too.
    if start != watched { return }
    changes += 1
    if allocates {
      // Through a variable, or the optimiser sees that it may leave both out.
      allocated = malloc(1)
      free(allocated)
    }
    _ = cache?._withUnsafeGuaranteedRef {
      $0.invalidate(AddressRange(start: start, end: end))
    }
  }

  /// Allocations on this thread while a registered mapping is unmapped: by libc, or by a `syscall`
  /// instruction that traps.
  private static func allocationsOfOneInvalidation(
    by monitor: MonitorSet = .entries, allocating: Bool
  ) throws -> UInt64 {
    let adapters = FakeAdapters()
    let cache = try RegistrationCache(
      providerName: "test", adapters: adapters.operations, pins: try PinTable())
    defer { cache.shutDown() }
    Self.cache = Unmanaged.passUnretained(cache)
    let tracker = try PageTracker.shared()
    try tracker.start(monitor)
    precondition(tracker.running == monitor, "\(tracker.monitors)")
    defer { tracker.stop() }
    let number = try tracker.subscribe(Self.handler, context: nil)
    defer { tracker.unsubscribe(number) }
    let memory = try TestMemory(pages: 4)
    let first = try cache.register(memory.range, access: .readWrite, adapter: 0)
    cache.release(try cache.register(memory.range, access: .read, adapter: 1))
    Self.changes = 0
    Self.watched = memory.start
    Self.allocates = allocating
    let length = Int(memory.range.length)
    CAllocationCounter_begin()
    if monitor == .dispatch {
      CInterceptionRecorder_raw_munmap(memory.base, length)
    } else {
      munmap(memory.base, length)
    }
    let count = CAllocationCounter_end()
    Self.allocates = false
    #expect(Self.changes == 1)
    #expect(cache.key(first, adapter: 0) == nil)
    cache.release(first)
    #expect(adapters.registered.load(ordering: .relaxed) == 0)
    return count
  }

  @Test func anInvalidationAllocatesNothing() throws {
    #expect(try Self.allocationsOfOneInvalidation(allocating: false) == 0)
  }

  @Test func theCounterSeesAnAllocation() throws {
    #expect(try Self.allocationsOfOneInvalidation(allocating: true) == 2)
  }

  /// The same in the handler of SIGSYS, which belongs to a process.
  @Test func anInvalidationInATrapAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      let count = try Self.allocationsOfOneInvalidation(by: .dispatch, allocating: false)
      #expect(count == 0)
    }
  }

  @Test func theCounterSeesAnAllocationInATrap() async {
    await #expect(processExitsWith: .success) {
      let count = try Self.allocationsOfOneInvalidation(by: .dispatch, allocating: true)
      #expect(count == 2)
    }
  }

  @Test func aHitAllocatesNothing() throws {
    let adapters = FakeAdapters()
    let cache = try RegistrationCache(
      providerName: "test", adapters: adapters.operations, pins: try PinTable())
    defer { cache.shutDown() }
    let memory = try TestMemory(pages: 4)
    defer { memory.unmap() }
    cache.release(try cache.register(memory.range, access: .read, adapter: 0))
    CAllocationCounter_begin()
    let hit = cache.lookUp(memory.range, access: .read, adapter: 0)
    let count = CAllocationCounter_end()
    #expect(count == 0)
    cache.release(try #require(hit))
    cache.flush()
  }
}
