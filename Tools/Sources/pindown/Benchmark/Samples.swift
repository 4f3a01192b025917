/// Measurements of one thing.
struct Samples {
  private var values: [Double] = []

  mutating func add(_ value: Double) {
    values.append(value)
  }

  var median: Double {
    precondition(!values.isEmpty, "a median of nothing")
    return values.sorted()[values.count / 2]
  }
}
