import Pindown

/// What a registration costs that is in the cache: register and release together.
struct HitBenchmark {
  let rounds: Int

  private static let pageBytes: UInt = 4096
  private static let mostRegions = 65_536
  private static let hitsPerBatch = 65_536

  /// An adapter that has nothing to do.
  private static let adapters = AdapterOperations(
    context: nil, register: { _, _, _, _, _, _ in 1 }, deregister: { _, _, _, _ in true })

  func run(_ add: (BenchmarkRow) -> Void) throws {
    let cache = try RegistrationCache(
      providerName: "benchmark", adapters: Self.adapters, pinsMemory: false)
    defer { cache.shutDown() }
    let segment = try MemfdSegment(byteCount: UInt(Self.mostRegions) * Self.pageBytes)
    let base = segment.range.start
    var registered = 0
    for regions in [1, 1_024, Self.mostRegions] {
      while registered < regions {
        cache.release(try cache.register(Self.page(registered, base), access: .read, adapter: 0))
        registered += 1
      }
      for threads in [1, 2] {
        add(measure("hit_in_order_ns", threads, regions, Self.inOrder(regions), cache, base))
        if regions > 1 {
          add(measure("hit_random_ns", threads, regions, Self.shuffled(regions), cache, base))
        }
      }
    }
  }

  private static func page(_ index: Int, _ base: UInt) -> AddressRange {
    let start = base + UInt(index) * pageBytes
    return AddressRange(start: start, end: start + pageBytes)
  }

  private static func inOrder(_ regions: Int) -> [UInt32] {
    (0..<UInt32(hitsPerBatch)).map { $0 % UInt32(regions) }
  }

  private static func shuffled(_ regions: Int) -> [UInt32] {
    var numbers = RandomNumbers(seed: 1)
    return (0..<hitsPerBatch).map { _ in UInt32.random(in: 0..<UInt32(regions), using: &numbers) }
  }

  private func measure(
    _ name: String, _ threads: Int, _ regions: Int, _ order: [UInt32], _ cache: RegistrationCache,
    _ base: UInt
  ) -> BenchmarkRow {
    var samples = Samples()
    for _ in 0..<rounds {
      samples.add(
        ThreadTeam.average(threads) { thread in
          // The threads walk the same way from different places.
          Self.hits(cache, order[(thread * order.count / 2)...], base)
            + Self.hits(cache, order[..<(thread * order.count / 2)], base)
        } / Double(order.count))
    }
    let interval = samples.medianInterval
    return BenchmarkRow(
      name: name, threads: threads, regions: regions, measured: samples.median,
      low: interval.lowerBound, high: interval.upperBound)
  }

  /// Nanoseconds for all of them.
  private static func hits(
    _ cache: RegistrationCache, _ order: ArraySlice<UInt32>, _ base: UInt
  ) -> Double {
    Stopwatch.processorTime {
      for index in order {
        do throws(RegistrationCacheError) {
          cache.release(
            try cache.register(page(Int(index), base), access: .read, adapter: 0))
        } catch {
          preconditionFailure("a cached region is not found: \(error)")
        }
      }
    }
  }
}
