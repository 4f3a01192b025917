import Glibc
import Pindown

/// What a call pays for being watched that touches nothing secured.
struct UnmapBenchmark {
  let rounds: Int

  private static let pageBytes = 4096
  private static let pairsPerRound = 10
  private static let mostPairsPerRound = 80
  /// At most 10 ns and 3 % more.
  private static let bound = PairedSamples.Bound(absolute: 10, share: 0.03)

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
    func once(_ monitors: MonitorSet) throws -> Double {
      tracker.stop()
      try tracker.start(monitors)
      return ThreadTeam.average(threads) { workload.run(field, thread: $0) }
    }
    var samples = PairedSamples()
    var pairs = 0
    // What is slow the first time is not what is measured.
    _ = try once(.entries)
    while pairs < rounds * Self.pairsPerRound
      || (pairs < rounds * Self.mostPairsPerRound && samples.isUnclear(Self.bound))
    {
      for _ in 0..<Self.pairsPerRound {
        let isFirst = pairs % 2 == 0
        let early = try once(isFirst ? [] : .entries)
        let late = try once(isFirst ? .entries : [])
        samples.add(without: isFirst ? early : late, with: isFirst ? late : early)
        pairs += 1
      }
    }
    return samples.row(
      workload.rawValue, threads: threads, regions: field.count, bound: Self.bound)
  }
}
