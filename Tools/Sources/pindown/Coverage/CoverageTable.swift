/// The report as text for people: a table, what its words mean, and the sums.
struct CoverageTable {
  private let report: CoverageReport
  private let matrix: CoverageMatrix

  init(_ report: CoverageReport) {
    self.report = report
    matrix = CoverageMatrix(report.results)
  }

  var text: String {
    let heading = ["\(report.watcher), two NICs, strict DMA"] + report.settings.unavailable + [""]
    let lines = heading + table + [""] + legend + notes + [report.summary]
    return lines.joined(separator: "\n") + "\n"
  }

  private var table: [String] {
    let heading = ["change"] + matrix.routes + ["what happens to the pages"]
    let rows = matrix.kinds.map { kind in
      [kind] + matrix.routes.map { matrix[kind, $0]?.cellText ?? "" }
        + [matrix.effects(of: kind).map(\.rawValue).joined(separator: ", ")]
    }
    return Self.aligned([heading] + rows)
  }

  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (field, width) in zip(row, widths) {
        line += field + String(repeating: " ", count: width - field.count + 2)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  private var legend: [String] {
    let outcomes = CoverageOutcome.allCases.filter { report.count($0) > 0 }
    var rows = outcomes.map { [$0.cellText, $0.explanation] }
    for (name, summary) in CoverageCell.routes where matrix.routes.contains(name) {
      rows.append([name, summary])
    }
    let letters = Set(report.results.flatMap(\.by)).sorted()
      .map { "\($0.prefix(1)) \($0)" }
    let reporters = letters.isEmpty ? [] : ["reported by: " + letters.joined(separator: ", ")]
    return Self.aligned(rows) + reporters + [""]
  }

  /// What cells of a kind have to say, those that say the same in one line.
  private var notes: [String] {
    var lines: [(text: String, routes: [String], longest: UInt64)] = []
    for result in report.results {
      guard let note = Self.note(on: result) else { continue }
      let text = "\(result.outcome.cellText)  \(result.kind): \(note)"
      let time = result.microseconds ?? 0
      if let index = lines.firstIndex(where: { $0.text == text }) {
        lines[index].routes.append(result.route)
        lines[index].longest = max(lines[index].longest, time)
      } else {
        lines.append((text, [result.route], time))
      }
    }
    let texts = lines.map { line in
      let time = Duration.microseconds(Int64(line.longest)).text
      let within = line.longest == 0 ? "" : " within \(time)"
      return "\(line.text)\(within) (\(line.routes.joined(separator: ", ")))"
    }
    return texts.isEmpty ? [] : texts + [""]
  }

  /// A cell that was told late says by whom.
  private static func note(on result: CoverageResult) -> String? {
    if !result.note.isEmpty { return result.note }
    return result.outcome == .after ? "told by \(result.by.joined(separator: ", "))" : nil
  }
}
