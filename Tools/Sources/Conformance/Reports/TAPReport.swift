/// The Test Anything Protocol, version 13.
enum TAPReport {
  /// What failed and does not count is marked as still to be done, which fails no run.
  static func line(_ result: AssertionResult, number: Int, strict: Bool) -> String {
    let name = "\(number) - \(result.id) [\(result.grade.rawValue)] \(escaped(result.title))"
    switch result.verdict {
    case .passed: return "ok \(name)\n"
    case .notApplicable(let reason): return "ok \(name) # SKIP \(escaped(reason))\n"
    case .failed(let expected, let actual):
      let mark = result.isBreach(strict: strict) ? "" : " # TODO only inferred"
      return """
        not ok \(name)\(mark)
          ---
          grade: \(result.grade.rawValue)
          expected: \(JSONReport.quoted(expected))
          actual: \(JSONReport.quoted(actual))
          duration_ms: \(result.milliseconds)
          ...

        """
    }
  }

  /// A number sign would begin a directive.
  private static func escaped(_ text: String) -> String {
    text.split(separator: "#", omittingEmptySubsequences: false).joined(separator: "\\#")
  }
}
