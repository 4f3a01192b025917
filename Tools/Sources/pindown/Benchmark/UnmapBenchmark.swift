import Glibc
import Pindown

/// What a call pays for being watched that touches nothing secured.
struct UnmapBenchmark {
  let rounds: Int

  private static let pageBytes = 4096
  private static let batchesPerRound = 5
  /// At most 10 ns and 3 % more.
  private static let boundNanoseconds = 10.0
  private static let boundShare = 0.03

  func run(_ add: (BenchmarkRow) -> Void) throws {
    let tracker = try PageTracker.shared()
    let wasRunning = tracker.running
    defer {
      tracker.stop()
      try? tracker.start(wasRunning)
    }
    for regions in [0, 1_000, 100_000] {
      // Every second page: whatever is unmapped in between has secured neighbours.
      let field = try SecuredField(
        count: regions, bytes: Self.pageBytes, distance: 2 * Self.pageBytes,
        places: 2 * UnmapWorkload.pieces)
      try field.secure()
      defer { field.unsecure() }
      for workload in UnmapWorkload.allCases {
        for threads in [1, 2] {
          add(try measure(workload, threads, field, tracker))
        }
      }
    }
  }

  private func measure(
    _ workload: UnmapWorkload, _ threads: Int, _ field: SecuredField, _ tracker: PageTracker
  ) throws -> BenchmarkRow {
    var without = Samples()
    var with = Samples()
    var more = Samples()
    for _ in 0..<rounds {
      tracker.stop()
      let plain = batches(workload, threads, field)
      try tracker.start(.entries)
      let hooked = batches(workload, threads, field)
      without.add(plain)
      with.add(hooked)
      more.add(hooked - plain)
    }
    return BenchmarkRow(
      name: workload.rawValue, threads: threads, regions: field.count, baseline: without.median,
      measured: with.median, more: more.median,
      bound: Self.boundNanoseconds + Self.boundShare * without.median)
  }

  private func batches(_ workload: UnmapWorkload, _ threads: Int, _ field: SecuredField) -> Double {
    var samples = Samples()
    for _ in 0..<Self.batchesPerRound {
      samples.add(ThreadTeam.average(threads) { workload.run(field, thread: $0) })
    }
    return samples.median
  }
}
