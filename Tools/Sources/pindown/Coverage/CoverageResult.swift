/// What was found in one cell.
struct CoverageResult: Sendable {
  var kind: String
  var route: String
  var outcome: CoverageOutcome
  /// The monitors that reported it, or UCX; empty where nobody did.
  var by: [String] = []
  /// From the beginning of the change to the report.
  var microseconds: UInt64?
  var effect: CoverageEffect?
  var use: CoverageUse = .none
  /// Why it was not possible, or how it ended; empty for nothing to say.
  var note = ""

  init(_ cell: CoverageCell, _ outcome: CoverageOutcome, note: String = "") {
    kind = cell.kind
    route = cell.route
    self.outcome = outcome
    self.note = note
  }

  static let columns = [
    "kind", "route", "outcome", "by", "microseconds", "effect", "use", "note",
  ]

  /// One line of a table whose columns are separated by tabs; `-` for what is not known.
  var line: String {
    [
      kind, route, outcome.rawValue, by.joined(separator: "+"),
      microseconds.map(String.init) ?? "", effect?.rawValue ?? "", use.rawValue, note,
    ].map { $0.isEmpty ? "-" : $0 }.joined(separator: "\t")
  }

  /// From such a line; nil where it is none.
  init?(line: String) {
    let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      .map { $0 == "-" ? "" : String($0) }
    guard fields.count == Self.columns.count, let outcome = CoverageOutcome(rawValue: fields[2]),
      let use = CoverageUse(rawValue: fields[6])
    else { return nil }
    kind = fields[0]
    route = fields[1]
    self.outcome = outcome
    by = fields[3].split(separator: "+").map(String.init)
    microseconds = UInt64(fields[4])
    effect = CoverageEffect(rawValue: fields[5])
    self.use = use
    note = fields[7]
  }
}
