/// The table as a picture: SVG. The words are in the cells, and the later a cell is the darker it
/// is, so that it says the same without colours.
struct CoveragePlot {
  private let report: CoverageReport
  private let matrix: CoverageMatrix

  private static let rowHeight = 18
  private static let columnWidth = 84
  private static let left = 190
  private static let top = 64

  init(_ report: CoverageReport) {
    self.report = report
    matrix = CoverageMatrix(report.results)
  }

  private var width: Int { Self.left + matrix.routes.count * Self.columnWidth + 12 }
  private var tableEnd: Int { Self.top + matrix.kinds.count * Self.rowHeight }
  private var outcomes: [CoverageOutcome] {
    CoverageOutcome.allCases.filter { report.count($0) > 0 }
  }
  private var height: Int { tableEnd + 24 + outcomes.count * Self.rowHeight + 12 }

  var text: String {
    let lines =
      [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
          + "viewBox=\"0 0 \(width) \(height)\" font-family=\"sans-serif\" font-size=\"11\">",
        "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>",
        label("Mapping changes: \(report.watcher)", x: 8, y: 18, more: " font-size=\"14\""),
        label(report.summary, x: 8, y: 36),
      ] + heading + matrix.kinds.indices.flatMap(row) + legend + ["</svg>"]
    return lines.joined(separator: "\n") + "\n"
  }

  private var heading: [String] {
    matrix.routes.indices.map { column in
      label(
        matrix.routes[column], x: x(of: column) + Self.columnWidth / 2, y: Self.top - 6,
        more: Self.centred)
    }
  }

  private func row(_ index: Int) -> [String] {
    let kind = matrix.kinds[index]
    let y = Self.top + index * Self.rowHeight
    var lines = [label(kind, x: Self.left - 8, y: y + 13, more: " text-anchor=\"end\"")]
    for (column, route) in matrix.routes.enumerated() {
      guard let result = matrix[kind, route] else { continue }
      lines += box(
        result.outcome, result.cellText, x: x(of: column), y: y, width: Self.columnWidth - 2)
    }
    return lines
  }

  private var legend: [String] {
    outcomes.enumerated().flatMap { index, outcome in
      let y = tableEnd + 24 + index * Self.rowHeight
      return box(outcome, outcome.cellText, x: 8, y: y, width: 60)
        + [label(outcome.explanation, x: 76, y: y + 13)]
    }
  }

  private func x(of column: Int) -> Int { Self.left + column * Self.columnWidth }

  private func box(
    _ outcome: CoverageOutcome, _ text: String, x: Int, y: Int, width: Int
  ) -> [String] {
    let (fill, ink) = Self.colours(outcome)
    return [
      "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(Self.rowHeight - 2)\" "
        + "fill=\"\(fill)\" stroke=\"#888888\" stroke-width=\"0.5\"/>",
      label(text, x: x + width / 2, y: y + 12, more: "\(Self.centred) fill=\"\(ink)\""),
    ]
  }

  private static let centred = " text-anchor=\"middle\""

  /// The colour of a cell and of the text in it.
  private static func colours(_ outcome: CoverageOutcome) -> (fill: String, ink: String) {
    switch outcome {
    case .before: ("#d4ecd9", "#000000")
    case .during: ("#c5d9ee", "#000000")
    case .after: ("#e3c76b", "#000000")
    case .atNextUse: ("#d98f4f", "#000000")
    case .never: ("#8c1515", "#ffffff")
    case .told, .harmless: ("#ffffff", "#000000")
    case .notPossible: ("#eeeeee", "#555555")
    case .crashed, .hung: ("#222222", "#ffffff")
    }
  }

  private func label(_ text: String, x: Int, y: Int, more: String = "") -> String {
    "<text x=\"\(x)\" y=\"\(y)\"\(more)>\(Self.escaped(text))</text>"
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}
