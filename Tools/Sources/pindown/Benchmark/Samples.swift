/// Measurements of one thing.
struct Samples {
  private var values: [Double] = []

  mutating func add(_ value: Double) {
    values.append(value)
  }

  var count: Int { values.count }

  var median: Double {
    precondition(!values.isEmpty, "a median of nothing")
    return values.sorted()[values.count / 2]
  }

  /// Where the median lies with 19 chances in 20, whatever the measurements' distribution: their
  /// order alone says so.
  var medianInterval: ClosedRange<Double> {
    precondition(!values.isEmpty, "a median of nothing")
    let sorted = values.sorted()
    let middle = Double(sorted.count - 1) / 2
    let reach = 0.98 * Double(sorted.count).squareRoot()
    let low = max(0, Int((middle - reach).rounded(.down)))
    let high = min(sorted.count - 1, Int((middle + reach).rounded(.up)))
    return sorted[low]...sorted[high]
  }
}
