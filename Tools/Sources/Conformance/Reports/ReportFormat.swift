/// How results are written.
package enum ReportFormat: String, Sendable, CaseIterable {
  case text, tap, json

  /// What comes before the first result.
  package func opening(path: String, count: Int) -> String {
    switch self {
    case .text: ""
    case .tap: "TAP version 13\n1..\(count)\n"
    case .json: ""
    }
  }

  /// What is written as soon as a result is there.
  package func line(_ result: AssertionResult, number: Int, strict: Bool) -> String {
    switch self {
    case .text: TextReport.line(result)
    case .tap: TAPReport.line(result, number: number, strict: strict)
    case .json: ""
    }
  }

  /// What comes after the last.
  package func closing(_ results: [AssertionResult], path: String, strict: Bool) -> String {
    switch self {
    case .text: TextReport.summary(results, strict: strict)
    case .tap: ""
    case .json: JSONReport.document(results, path: path, strict: strict)
    }
  }
}
