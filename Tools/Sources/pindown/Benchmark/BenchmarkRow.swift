/// One measurement: its unit is the end of its name.
struct BenchmarkRow {
  let name: String
  let threads: Int
  let regions: Int
  /// Without Pindown, in the same run; nil where there is nothing to compare with.
  var baseline: Double?
  let measured: Double
  /// What it costs more: the median of the differences, round by round.
  var more: Double?
  /// The most that `more`, or `measured` where there is no `more`, should be.
  var bound: Double?

  /// Nil where nothing is asked of it.
  var isWithinBound: Bool? {
    bound.map { (more ?? measured) <= $0 }
  }
}
