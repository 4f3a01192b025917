import Pindown

/// What the stress tool prints at its end.
struct StressReport {
  let counts: StressCounts
  /// Of the caches of both processes.
  let invalidations: UInt64
  let hits: UInt64
  let misses: UInt64
  let callbackFailures: UInt64

  /// The numbers of a process, as words of an answer.
  static func words(_ statistics: SwitchStatistics) -> [String] {
    [
      statistics.invalidations, statistics.hits, statistics.misses, statistics.callbackFailures,
    ].map(String.init)
  }

  /// From the counts of the workers and the words of both processes.
  init(_ counts: StressCounts, _ processes: [[String]]) throws {
    let numbers = processes.map { $0.compactMap { UInt64($0) } }
    guard numbers.allSatisfy({ $0.count == 4 }) else { throw ToolError("no statistics") }
    func sum(_ index: Int) -> UInt64 { numbers.reduce(0) { $0 + $1[index] } }
    self.counts = counts
    (invalidations, hits, misses, callbackFailures) = (sum(0), sum(1), sum(2), sum(3))
  }

  var isGood: Bool { counts.staleUses == 0 && counts.corruptions == 0 }

  func printOut() {
    say("operations         \(counts.operations)")
    say("  RDMA writes      \(counts.writes)")
    say("  RDMA reads       \(counts.reads)")
    say("invalidations      \(invalidations)")
    say("hits               \(hits)")
    say("misses             \(misses)")
    say("callback failures  \(callbackFailures)")
    say("corrupt contents   \(counts.corruptions)")
    say("stale uses         \(counts.staleUses)")
  }
}
