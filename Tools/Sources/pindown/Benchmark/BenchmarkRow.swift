/// One measurement: its unit is the end of its name.
struct BenchmarkRow {
  let name: String
  let threads: Int
  let regions: Int
  /// Without Pindown, in the same run; nil where there is nothing to compare with.
  var baseline: Double?
  let measured: Double
  /// What it costs more: the median of the differences, pair by pair.
  var more: Double?
  /// The most that `more`, or `measured` where there is no `more`, should be.
  var bound: Double?
  /// Measured against without: the median of the ratios, pair by pair.
  var ratio: Double?
  /// Between these lies, with 19 chances in 20, what `more` (else `measured`) is a measure of.
  var low: Double?
  var high: Double?

  /// Nil where nothing is asked of it.
  var isWithinBound: Bool? {
    bound.map { (more ?? measured) <= $0 }
  }
}
