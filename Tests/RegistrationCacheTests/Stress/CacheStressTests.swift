import Glibc
import Inspection
import PageTracking
import Synchronization
import Testing
import VirtualMemory

@testable import RegistrationCache

/// The real code under many threads. What is left at the end is counted for the whole process, so
/// each test has one of its own.
struct CacheStressTests {
  /// VmPin of this process, in KiB, as the kernel counts it.
  private static func pinned() throws -> Int {
    let file = try #require(fopen("/proc/self/status", "r"))
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      if !text.hasPrefix("VmPin:") { continue }
      return try #require(
        text.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }
    return try #require(nil as Int?, "the kernel does not say what is pinned")
  }

  private static func stress(waits: Bool, seed: UInt64) throws -> CacheStress {
    let adapters = GatedAdapters(waits: waits)
    let cache = try RegistrationCache(
      providerName: "stress", adapters: adapters.operations, pins: try PinTable())
    let mappings = try (0..<3).map { _ in try TestMemory(pages: 12) }
    return CacheStress(cache: cache, adapters: adapters, mappings: mappings, seed: seed)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func nothingIsUsedAfterItsEndAndNothingIsLeft(seed: UInt64) async {
    await #expect(processExitsWith: .success) { [seed] in
      let before = try Self.pinned()
      let stress = try Self.stress(waits: true, seed: seed)
      stress.run()
      #expect(stress.adapters.staleUses.load(ordering: .relaxed) == 0, "seed \(seed)")
      #expect(stress.cache.record.invalidations.load() > 0)
      #expect(stress.cache.record.evictions.load() > 0)
      #expect(stress.cache.record.merges.load() > 0)
      #expect(stress.cache.record.hitCount > 0)
      stress.cache.flush()
      let record = stress.cache.record
      #expect(record.regions.load() == 0, "seed \(seed)")
      #expect(record.bytes.load() == 0)
      #expect(record.pinnedBytes.load() == 0)
      #expect(stress.adapters.registered.load(ordering: .relaxed) == 0)
      #expect(stress.cache.state.unsettled.load() == 0)
      let statistics = try PageTracker.shared().statistics
      #expect(statistics.regions == 0)
      #expect(statistics.bytes == 0)
      #expect(try Self.pinned() == before)
      let pages = stress.cache.pages
      let isEmpty = stress.mappings.allSatisfy { pages.firstValue(in: $0.range) == nil }
      #expect(isEmpty)
      stress.cache.shutDown()
    }
  }

  /// The check sees adapters that let go while a transfer is inside.
  @Test func brokenAdaptersAreCaught() async {
    await #expect(processExitsWith: .success) {
      var staleUses = 0
      var seed: UInt64 = 1
      while staleUses == 0, seed < 20 {
        let stress = try Self.stress(waits: false, seed: seed)
        stress.run()
        staleUses = stress.adapters.staleUses.load(ordering: .relaxed)
        stress.cache.shutDown()
        seed += 1
      }
      #expect(staleUses > 0)
    }
  }

  /// The same without luck: a transfer is inside when the region is invalidated.
  @Test(arguments: [true, false])
  func anInvalidationWaitsForWhoIsInside(waits: Bool) async {
    await #expect(processExitsWith: .success) { [waits] in
      let stress = try Self.stress(waits: waits, seed: 0)
      let range = stress.mappings[0].range
      let reference = try stress.cache.register(range, access: .read, adapter: 0)
      let key = try #require(stress.cache.key(reference, adapter: 0))
      #expect(stress.adapters.enter(key))
      // Nobody lets the transfer go on, so an adapter that waits gives up at the deadline.
      #expect(stress.cache.invalidate(range) == (waits ? .failed : .invalidated))
      #expect(!stress.adapters.enter(key), "closed in any case")
      let bytes = waits ? UInt64(range.length) : 0
      #expect(stress.cache.record.pinnedBytes.load() == bytes, "pinned while somebody is inside")
    }
  }

  /// Who waits for a thread that gives up has not been served either.
  @Test func whoWaitsForOneThatGivesUpHasFailedToo() async {
    await #expect(processExitsWith: .success) {
      let stress = try Self.stress(waits: true, seed: 0)
      let range = stress.mappings[0].range
      let reference = try stress.cache.register(range, access: .read, adapter: 0)
      let key = try #require(stress.cache.key(reference, adapter: 0))
      #expect(stress.adapters.enter(key))
      let region = stress.cache.publication.region(Int(reference.slot))
      runThreads(2) { thread in
        // The second one comes while the first is waiting.
        while thread == 1, region.current.state != .dying { sched_yield() }
        #expect(stress.cache.invalidate(range) == .failed)
      }
      #expect(stress.cache.record.quarantined.load() == 1)
      #expect(stress.cache.invalidate(range) == .notCached, "what failed before is history")
    }
  }

  /// Somebody inside at one adapter does not keep the others open.
  @Test func everyAdapterIsClosedBeforeOneIsWaitedFor() async {
    await #expect(processExitsWith: .success) {
      let stress = try Self.stress(waits: true, seed: 0)
      let (cache, adapters) = (stress.cache, stress.adapters)
      let range = stress.mappings[0].range
      let reference = try cache.register(range, access: .read, adapter: 0)
      _ = try cache.register(range, access: .read, adapter: 1)
      let inside = try #require(cache.key(reference, adapter: 0))
      let other = try #require(cache.key(reference, adapter: 1))
      #expect(adapters.enter(inside))
      let region = cache.publication.region(Int(reference.slot))
      runThreads(2) { thread in
        if thread == 0 {
          #expect(cache.invalidate(range) == .failed)
          return
        }
        while adapters.enter(other) {
          adapters.leave(other)
          sched_yield()
        }
        #expect(region.current.state == .dying, "the other adapter is still waited for")
      }
    }
  }
}
