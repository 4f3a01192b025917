import CInterceptionRecorder
import Glibc
import Inspection
import PageTracking
import Testing
import VirtualMemory

@testable import RegistrationCache

// The monitors belong to a process, and so does each of these tests.

/// A change that the kernel makes while its pages are being registered, and that nothing announces:
/// its hook came before the registration, or it has none.
@Suite(.enabled(if: getuid() == 0, "frames are shown to root"))
struct OvertakenChangeTests {
  private static let adapters = FakeAdapters()
  nonisolated(unsafe) private static var cache: RegistrationCache?

  private static func start(_ monitors: MonitorSet) throws -> RegistrationCache {
    setenv("PINDOWN_AUDIT_MILLISECONDS", "0", 1)
    let tracker = try PageTracker.shared()
    try tracker.start(monitors)
    precondition(tracker.running == monitors, "\(tracker.monitors)")
    let cache = try RegistrationCache(
      providerName: "test", adapters: adapters.operations, pins: try PinTable())
    self.cache = cache
    _ = try tracker.subscribe(
      { _, start, end, _ in
        _ = OvertakenChangeTests.cache?.invalidate(AddressRange(start: start, end: end))
      }, context: nil)
    return cache
  }

  private static func makePipe() -> [Int32] {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    #expect(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
    return ends
  }

  /// The first byte of the pages that are pinned for a region.
  private static func pinnedByte(
    _ reference: RegionReference, _ cache: RegistrationCache, _ pipe: [Int32]
  ) -> UInt8? {
    let region = cache.publication.region(Int(reference.slot))
    guard let pins = cache.pins, region.pin.loadRelaxed() != 0 else { return nil }
    let moved = pins.drain(
      PinSlot(rawValue: region.pin.loadRelaxed()), at: cache.range(of: reference).start, length: 1,
      to: pipe[1])
    var byte: UInt8 = 0
    return moved == 1 && read(pipe[0], &byte, 1) == 1 ? byte : nil
  }

  /// Registers pages again and again, and has them exchanged once at some moment of it. Returns how
  /// many registrations could be used then, and how many of these reach other pages than the program.
  ///
  /// - Parameter stops: Whether the first of these is enough.
  private static func race(
    _ monitors: MonitorSet, rounds: Int, stops: Bool = false
  ) throws -> (used: Int, stale: Int) {
    let cache = try start(monitors)
    let pipe = makePipe()
    let memory = try TestMemory(pages: 16)
    let length = Int(memory.range.length)
    CInterceptionRecorder_start_exchanging()
    defer { CInterceptionRecorder_stop_exchanging() }
    var (used, stale) = (0, 0)
    for round in 0..<rounds where !stops || stale == 0 {
      memset(memory.base, 1, length)
      CInterceptionRecorder_exchange_soon(memory.base, length, UInt32(round % 200) * 100)
      // However busy the machine is, some registrations come after it, and can be used.
      if round % 10 == 0 { CInterceptionRecorder_await_exchange() }
      let reference = try? cache.register(memory.range, access: .readWrite, adapter: 0)
      CInterceptionRecorder_await_exchange()
      memset(memory.base, 2, length)
      guard let reference else { continue }
      if cache.key(reference, adapter: 0) != nil {
        used += 1
        if pinnedByte(reference, cache, pipe) != 2 { stale += 1 }
      }
      cache.release(reference)
      _ = cache.invalidate(memory.range)
    }
    return (used, stale)
  }

  @Test func whatIsUsedIsWhatIsMapped() async {
    await #expect(processExitsWith: .success) {
      let (used, stale) = try Self.race([.audit, .auditAtEveryUse], rounds: 2000)
      #expect(used > 0)
      #expect(stale == 0)
    }
  }

  /// The counter-test: nothing else would have shown it.
  @Test func withoutTheAuditOtherPagesAreReached() async {
    await #expect(processExitsWith: .success) {
      // When it happens is up to the machine; most often within a few hundred.
      let (used, stale) = try Self.race([], rounds: 200_000, stops: true)
      #expect(used > 0)
      #expect(stale > 0)
    }
  }

  /// Pages that are not there yet, or shared with a child, get others when they are pinned.
  @Test func pagesThatThePinBringsInAreRegistered() async {
    await #expect(processExitsWith: .success) {
      let cache = try Self.start([.audit, .auditAtEveryUse])
      let pipe = Self.makePipe()
      let memory = try TestMemory(pages: 4)
      let reference = try cache.register(memory.range, access: .readWrite, adapter: 0)
      memset(memory.base, 7, Int(memory.range.length))
      #expect(cache.key(reference, adapter: 0) != nil)
      #expect(Self.pinnedByte(reference, cache, pipe) == 7)
      #expect(cache.record.pinnedBytes.load() == UInt64(memory.range.length))
      cache.release(reference)
      cache.flush()
      #expect(cache.record.pinnedBytes.load() == 0)
    }
  }
}
