import Glibc
import Synchronization
import Testing
import VirtualMemory

@testable import RegistrationCache

/// Threads that register, use and release parts of a few mappings, while others invalidate and
/// evict until the last of them is done.
final class CacheStress: Sendable {
  let cache: RegistrationCache
  let adapters: GatedAdapters
  let mappings: [TestMemory]
  let seed: UInt64

  private let ready = Atomic<Int>(0)
  private let registering = Atomic<Int>(registrars)

  private static let registrars = 3
  private static let threads = registrars + 2
  private static let operations = 400

  init(
    cache: RegistrationCache, adapters: GatedAdapters, mappings: [TestMemory], seed: UInt64
  ) {
    self.cache = cache
    self.adapters = adapters
    self.mappings = mappings
    self.seed = seed
  }

  func run() {
    runThreads(Self.threads) { [self] thread in
      var random = SeededGenerator(seed: seed &+ UInt64(thread))
      ready.wrappingAdd(1, ordering: .relaxed)
      while ready.load(ordering: .relaxed) < Self.threads { sched_yield() }
      switch thread {
      case 0: untilAllAreRegistered { _ = cache.invalidate(randomRange(&random)) }
      case 1: untilAllAreRegistered { evict(&random) }
      default:
        register(&random)
        registering.wrappingSubtract(1, ordering: .relaxed)
      }
    }
  }

  private func untilAllAreRegistered(_ body: () -> Void) {
    while registering.load(ordering: .relaxed) > 0 {
      body()
      sched_yield()
    }
  }

  private func randomRange(_ random: inout SeededGenerator) -> AddressRange {
    let mapping = mappings.randomElement(using: &random)!
    let first = Int.random(in: 0..<mapping.pages, using: &random)
    let count = Int.random(in: 1...min(4, mapping.pages - first), using: &random)
    return mapping.part(first, count)
  }

  private func register(_ random: inout SeededGenerator) {
    var held: [RegionReference] = []
    for _ in 0..<Self.operations {
      let adapter = Int.random(in: 0...1, using: &random)
      let access: MemoryAccess = Bool.random(using: &random) ? .read : .readWrite
      let range = randomRange(&random)
      // The limits, and mappings that change again and again, may refuse.
      if let reference = try? cache.register(range, access: access, adapter: adapter) {
        precondition(cache.range(of: reference).contains(range), "seed \(seed)")
        if let key = cache.key(reference, adapter: adapter) { _ = adapters.transfer(key) }
        held.append(reference)
      }
      if held.count > 3 || (!held.isEmpty && Bool.random(using: &random)) {
        cache.release(held.remove(at: Int.random(in: 0..<held.count, using: &random)))
      }
    }
    for reference in held { cache.release(reference) }
  }

  private func evict(_ random: inout SeededGenerator) {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: cache.flush()
    case 1: cache.releaseCached(adapter: Int.random(in: 0...1, using: &random))
    case 2:
      cache.limits = CacheLimits(
        maximumBytes: UInt64.random(in: 8...64, using: &random) * UInt64(Page.size),
        maximumRegions: UInt64.random(in: 4...12, using: &random))
    default: _ = cache.evictOne()
    }
  }
}
