/// Measurements with and without something, each time one right after the other: what else the
/// machine does hits both alike.
struct PairedSamples {
  private var without = Samples()
  private var with = Samples()
  private var more = Samples()
  private var ratio = Samples()

  /// What more is asked of it, in units of the measurement, and as a share of what is `without`.
  struct Bound {
    var absolute: Double
    var share = 0.0
  }

  mutating func add(without plain: Double, with full: Double) {
    without.add(plain)
    with.add(full)
    more.add(full - plain)
    ratio.add(full / plain)
  }

  private func bound(_ bound: Bound) -> Double {
    bound.absolute + bound.share * without.median
  }

  /// Whether the spread is too wide to say if the bound holds.
  func isUnclear(_ asked: Bound) -> Bool {
    more.medianInterval.contains(bound(asked))
  }

  func row(_ name: String, threads: Int, regions: Int, bound asked: Bound?) -> BenchmarkRow {
    let interval = more.medianInterval
    return BenchmarkRow(
      name: name, threads: threads, regions: regions, baseline: without.median,
      measured: with.median, more: more.median, bound: asked.map(bound),
      ratio: ratio.median, low: interval.lowerBound, high: interval.upperBound)
  }
}
