/// A table for readers.
enum TextReport {
  static func line(_ result: AssertionResult) -> String {
    let (word, explanation): (String, [String]) =
      switch result.verdict {
      case .passed: ("passed", [])
      case .failed(let expected, let actual):
        ("FAILED", ["expected  \(expected)", "actual    \(actual)"])
      case .notApplicable(let reason): ("n/a", ["because   \(reason)"])
      }
    let time = "\(result.milliseconds) ms"
    let head = [
      result.id, result.grade.rawValue, padded(word, 6), padded(time, 8), result.title,
    ]
    let lines =
      [head.joined(separator: "  ")] + explanation.map { "                          \($0)" }
    return lines.map { $0 + "\n" }.joined()
  }

  static func summary(_ results: [AssertionResult], strict: Bool) -> String {
    let passed = results.count { $0.verdict == .passed }
    let failed = results.filter { if case .failed = $0.verdict { true } else { false } }
    let inferred = failed.count { $0.grade == .inferred }
    let rest = results.count - passed - failed.count
    var text = "\(passed) of \(results.count) passed, \(failed.count) failed"
    if inferred > 0 {
      text += " (\(inferred) only inferred\(strict ? "" : ", which does not count"))"
    }
    return text + ", \(rest) not applicable\n"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
