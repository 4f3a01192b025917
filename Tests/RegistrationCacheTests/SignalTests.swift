import Glibc
import Inspection
import Synchronization
import Testing
import VirtualMemory

@testable import RegistrationCache

/// A signal handler that changes a mapping while the thread that it interrupts registers, releases
/// or evicts just this memory. Handlers belong to a process, and so does each of these tests.
struct SignalTests {
  enum Interrupted: CaseIterable, Codable {
    case registering, releasing, evicting
  }

  nonisolated(unsafe) private static var cache: Unmanaged<RegistrationCache>?
  nonisolated(unsafe) private static var range = AddressRange(start: 0, end: 0)
  nonisolated(unsafe) private static var outcome: InvalidationOutcome?

  /// What the handler's invalidation answers, which comes while a region is torn down.
  private static func outcome(
    _ interrupted: Interrupted, letsSignalsIn: Bool
  ) throws -> InvalidationOutcome? {
    let adapters = FakeAdapters()
    let cache = try RegistrationCache(
      providerName: "test", adapters: adapters.operations, pins: try PinTable())
    let memory = try TestMemory(pages: 8)
    Self.cache = .passUnretained(cache)
    range = memory.part(0, 1)
    signal(SIGUSR1) { _ in
      SignalTests.outcome = SignalTests.cache?._withUnsafeGuaranteedRef {
        $0.invalidate(SignalTests.range)
      }
    }
    // Threads of a pool have their signals blocked.
    FakeAdapters.letIn(SIGUSR1)
    adapters.letsSignalsIn.store(letsSignalsIn, ordering: .relaxed)
    let arm = { adapters.raisedSignal.store(SIGUSR1, ordering: .relaxed) }
    let small = try cache.register(memory.part(0, 4), access: .read, adapter: 0)
    switch interrupted {
    case .registering:
      cache.release(small)
      arm()
      cache.release(try cache.register(memory.part(1, 7), access: .read, adapter: 0))
    case .releasing:
      let large = try cache.register(memory.part(1, 7), access: .read, adapter: 0)
      arm()
      cache.release(small)
      cache.release(large)
    case .evicting:
      cache.release(small)
      arm()
      let isEvicted = cache.evictOne()
      #expect(isEvicted)
    }
    cache.flush()
    #expect(cache.record.regions.load() == 0)
    #expect(adapters.registered.load(ordering: .relaxed) == 0)
    return outcome
  }

  @Test(arguments: Interrupted.allCases)
  func aHandlerDoesNotWaitForItsOwnThread(_ interrupted: Interrupted) async {
    await #expect(processExitsWith: .success) { [interrupted] in
      let outcome = try Self.outcome(interrupted, letsSignalsIn: false)
      #expect(outcome == (interrupted == .evicting ? .notCached : .invalidated))
    }
  }

  /// The test sees a handler that runs in between.
  @Test func aHandlerInBetweenIsSeen() async {
    await #expect(processExitsWith: .success) {
      let outcome = try Self.outcome(.evicting, letsSignalsIn: true)
      #expect(outcome == .failed)
    }
  }
}
