import Pindown

/// What the stress tool counts.
struct StressCounts {
  var writes = 0
  var reads = 0
  var staleUses = 0
  var corruptions = 0

  var operations: Int { writes + reads }

  static func + (left: StressCounts, right: StressCounts) -> StressCounts {
    StressCounts(
      writes: left.writes + right.writes, reads: left.reads + right.reads,
      staleUses: left.staleUses + right.staleUses,
      corruptions: left.corruptions + right.corruptions)
  }
}
