import Inspection
import Synchronization
import Testing
import VirtualMemory

@testable import RegistrationCache

@Suite(.serialized) struct CacheTests {
  let adapters = FakeAdapters()
  let cache: RegistrationCache

  init() throws {
    cache = try RegistrationCache(
      providerName: "test", adapters: adapters.operations, pins: try PinTable())
  }

  private func expectEmpty() {
    #expect(cache.record.regions.load() == 0)
    #expect(cache.record.bytes.load() == 0)
    #expect(cache.record.pinnedBytes.load() == 0)
    #expect(adapters.registered.load(ordering: .relaxed) == 0)
    cache.shutDown()
  }

  @Test func aSecondRegistrationIsAHit() throws {
    let memory = try TestMemory(pages: 4)
    defer { memory.unmap() }
    let first = try cache.register(memory.range, access: .readWrite, adapter: 0)
    cache.release(first)
    let second = try cache.register(memory.part(1, 2), access: .read, adapter: 0)
    #expect(first == second)
    #expect(cache.record.hitCount == 1)
    #expect(cache.record.misses.load() == 1)
    #expect(cache.record.pinnedBytes.load() == UInt64(memory.range.length))
    cache.release(second)
    cache.flush()
    expectEmpty()
  }

  @Test func anotherAdapterAddsARegistrationToTheSameRegion() throws {
    let memory = try TestMemory(pages: 1)
    defer { memory.unmap() }
    let first = try cache.register(memory.range, access: .read, adapter: 0)
    let second = try cache.register(memory.range, access: .read, adapter: 1)
    #expect(first == second)
    let keys = try [#require(cache.key(first, adapter: 0)), #require(cache.key(first, adapter: 1))]
    #expect(keys.allSatisfy(adapters.isRegistered))
    #expect(cache.invalidate(memory.range) == .invalidated)
    #expect(!keys.contains(where: adapters.isRegistered))
    #expect(cache.key(first, adapter: 0) == nil)
    cache.release(first)
    cache.release(second)
    expectEmpty()
  }

  @Test func overlapsMergeIntoOneLargerRegion() throws {
    let memory = try TestMemory(pages: 8)
    defer { memory.unmap() }
    let low = try cache.register(memory.part(0, 4), access: .read, adapter: 0)
    let high = try cache.register(memory.part(3, 5), access: .write, adapter: 0)
    #expect(cache.range(of: high) == memory.range)
    let inside = try cache.register(memory.part(1, 1), access: .readWrite, adapter: 0)
    #expect(inside == high)
    // The old one works on until it is released.
    #expect(cache.key(low, adapter: 0) != nil)
    cache.release(low)
    #expect(cache.key(low, adapter: 0) == nil)
    #expect(cache.record.regions.load() == 1)
    cache.release(high)
    cache.release(inside)
    cache.flush()
    expectEmpty()
  }

  /// A region that was replaced but is in use must go with its mapping, too.
  @Test func invalidationFindsWhatWasSuperseded() throws {
    let memory = try TestMemory(pages: 8)
    defer { memory.unmap() }
    let low = try cache.register(memory.part(0, 4), access: .read, adapter: 0)
    let high = try cache.register(memory.part(3, 5), access: .read, adapter: 0)
    let lowKey = try #require(cache.key(low, adapter: 0))
    #expect(cache.invalidate(memory.part(0, 1)) == .invalidated)
    #expect(!adapters.isRegistered(lowKey))
    #expect(cache.key(high, adapter: 0) == nil, "any overlap counts, the whole region goes")
    cache.release(low)
    cache.release(high)
    expectEmpty()
  }

  @Test func whatIsNotCachedIsNotInvalidated() throws {
    let memory = try TestMemory(pages: 4)
    defer { memory.unmap() }
    #expect(cache.invalidate(memory.range) == .notCached)
    let reference = try cache.register(memory.part(0, 1), access: .read, adapter: 0)
    #expect(cache.invalidate(memory.part(1, 3)) == .notCached)
    cache.release(reference)
    #expect(cache.invalidate(memory.part(0, 2)) == .invalidated)
    #expect(cache.invalidate(memory.part(0, 2)) == .notCached)
    expectEmpty()
  }

  @Test func limitsEvictWhatIsNotInUse() throws {
    let memory = try TestMemory(pages: 6)
    defer { memory.unmap() }
    cache.limits = CacheLimits(maximumBytes: .max, maximumRegions: 2)
    // Every second page, so that nothing merges.
    let held = try cache.register(memory.part(0, 1), access: .read, adapter: 0)
    cache.release(try cache.register(memory.part(2, 1), access: .read, adapter: 0))
    cache.release(try cache.register(memory.part(4, 1), access: .read, adapter: 0))
    #expect(cache.record.evictions.load() == 1)
    #expect(cache.record.regions.load() == 2)
    #expect(cache.key(held, adapter: 0) != nil)
    let other = try cache.register(memory.part(4, 1), access: .read, adapter: 0)
    #expect(throws: RegistrationCacheError.exhausted) {
      try cache.register(memory.part(2, 1), access: .read, adapter: 0)
    }
    cache.release(other)
    cache.release(held)
    cache.limits = CacheLimits(maximumBytes: 0, maximumRegions: .max)
    expectEmpty()
  }

  @Test func anAdapterThatDoesNotLetGoQuarantines() throws {
    let memory = try TestMemory(pages: 1)
    defer { memory.unmap() }
    let reference = try cache.register(memory.range, access: .read, adapter: 0)
    adapters.isStuck.store(true, ordering: .relaxed)
    #expect(cache.invalidate(memory.range) == .failed)
    #expect(cache.key(reference, adapter: 0) == nil)
    #expect(cache.record.quarantined.load() == 1)
    #expect(cache.record.pinnedBytes.load() == memory.range.length, "an adapter may be inside")
    let again = try cache.register(memory.range, access: .read, adapter: 0)
    #expect(again != reference)
    adapters.isStuck.store(false, ordering: .relaxed)
    cache.release(reference)
    cache.release(again)
    cache.flush()
    expectEmpty()
  }

  /// Regions name their cache by its place in the published table, so the next cache there would
  /// evict a region that this one still has, and look for it in tables of its own.
  @Test func aCacheWithARegionInUseKeepsItsPlace() throws {
    let memory = try TestMemory(pages: 1)
    defer { memory.unmap() }
    let reference = try cache.register(memory.range, access: .read, adapter: 0)
    cache.shutDown()
    let other = try RegistrationCache(
      providerName: "other", adapters: adapters.operations, pins: try PinTable())
    #expect(other.provider != cache.provider)
    cache.release(reference)
    other.flush()
    #expect(cache.record.regions.load() == 1)
    other.shutDown()
    cache.flush()
    expectEmpty()
    #expect(throws: RegistrationCacheError.unavailable) {
      try cache.register(memory.range, access: .read, adapter: 0)
    }
  }

  @Test func whatIsNotMappedIsNotRegistered() throws {
    let memory = try TestMemory(pages: 2)
    memory.unmap()
    #expect(throws: RegistrationCacheError.notMapped) {
      try cache.register(memory.range, access: .read, adapter: 0)
    }
    #expect(throws: RegistrationCacheError.invalidRange) {
      try cache.register(
        AddressRange(start: .max - 10, end: .max), access: .read, adapter: 0)
    }
    expectEmpty()
  }
}
