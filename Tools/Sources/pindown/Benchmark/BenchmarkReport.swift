import ArgumentParser

/// The rows of a benchmark, one line each.
struct BenchmarkReport {
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, tsv, json }

  let format: Format

  private static let columns = [
    "measurement", "threads", "regions", "without", "measured", "more", "bound", "holds", "ratio",
    "low", "high",
  ]
  private static let widths = [42, 8, 8, 9, 9, 8, 8, 6, 7, 8, 8]

  func begin() {
    switch format {
    case .text: say(Self.aligned(Self.columns))
    case .tsv: say(Self.columns.joined(separator: "\t"))
    case .json: break
    }
  }

  /// The line that says which bounds did not hold; nil where all did.
  static func complaint(about failed: [BenchmarkRow]) -> String? {
    if failed.isEmpty { return nil }
    let names = failed.map { row in
      let excess = text(row.more ?? row.measured)
      return "\(row.name) (\(row.threads) threads, \(row.regions) regions): \(excess)"
        + " where at most \(row.bound.map(text) ?? "") is allowed"
    }
    return "bounds that do not hold: " + names.joined(separator: "; ")
  }

  /// Prints a row as soon as it is known; in JSON each is a document on a line of its own.
  func add(_ row: BenchmarkRow) {
    switch format {
    case .text: say(Self.aligned(Self.fields(row, missing: "-")))
    case .tsv: say(Self.fields(row, missing: "").joined(separator: "\t"))
    case .json: say(Self.json(row))
    }
  }

  private static func fields(_ row: BenchmarkRow, missing: String) -> [String] {
    let numbers = [row.baseline, row.measured, row.more, row.bound].map { $0.map(text) ?? missing }
    let holds = row.isWithinBound.map { $0 ? "yes" : "no" } ?? missing
    let spread = [row.ratio.map(thousandths), row.low.map(text), row.high.map(text)]
    return [row.name, "\(row.threads)", "\(row.regions)"] + numbers + [holds]
      + spread.map { $0 ?? missing }
  }

  private static func json(_ row: BenchmarkRow) -> String {
    let holds = row.isWithinBound.map { $0 ? "true" : "false" } ?? "null"
    let values =
      ["\"\(row.name)\"", "\(row.threads)", "\(row.regions)"]
      + [row.baseline, row.measured, row.more, row.bound].map { $0.map(text) ?? "null" } + [holds]
      + [row.ratio.map(thousandths), row.low.map(text), row.high.map(text)].map { $0 ?? "null" }
    let members = zip(columns, values).map { "\"\($0)\": \($1)" }
    return "{\(members.joined(separator: ", "))}"
  }

  /// With one digit after the point.
  private static func text(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }

  /// With three digits after the point; for what is not negative.
  private static func thousandths(_ number: Double) -> String {
    let digits = "\(1000 + Int((number * 1000).rounded()) % 1000)"
    return "\(Int((number * 1000).rounded()) / 1000).\(digits.dropFirst())"
  }

  private static func aligned(_ fields: [String]) -> String {
    var line = ""
    for (index, (field, width)) in zip(fields, widths).enumerated() {
      let room = String(repeating: " ", count: max(1, width - field.count))
      line += index == 0 ? field + room : room + field
    }
    return line
  }
}
