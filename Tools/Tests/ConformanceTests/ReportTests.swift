import Testing

@testable import Conformance

/// Goal: what a program reads is what the format says, whatever a provider makes us print.
struct ReportTests {
  private func result(
    _ verdict: Verdict, _ grade: Grade = .must, title: String = "a title"
  ) -> AssertionResult {
    AssertionResult(id: "C07", grade: grade, title: title, verdict: verdict, milliseconds: 12)
  }

  @Test func tapLines() {
    let format = ReportFormat.tap
    #expect(format.opening(path: "p.so", count: 3) == "TAP version 13\n1..3\n")
    #expect(format.line(result(.passed), number: 1, strict: false) == "ok 1 - C07 [M] a title\n")
    #expect(
      format.line(result(.notApplicable(reason: "why # not")), number: 2, strict: false)
        == "ok 2 - C07 [M] a title # SKIP why \\# not\n")
    let failed = result(.failed(expected: "a \"word\"", actual: "two\nlines"), title: "no # mark")
    #expect(
      format.line(failed, number: 3, strict: false) == """
        not ok 3 - C07 [M] no \\# mark
          ---
          grade: M
          expected: "a \\"word\\""
          actual: "two\\nlines"
          duration_ms: 12
          ...

        """)
  }

  @Test func whatDoesNotCountFailsNoRunOfTAP() {
    let failed = result(.failed(expected: "this", actual: "that"), .inferred)
    let first = { (strict: Bool) in
      ReportFormat.tap.line(failed, number: 1, strict: strict).split(separator: "\n").first
    }
    #expect(first(false) == "not ok 1 - C07 [I] a title # TODO only inferred")
    #expect(first(true) == "not ok 1 - C07 [I] a title")
  }

  @Test func jsonEscapes() {
    #expect(JSONReport.quoted("a\"b\\c\u{1}\n\t\u{e9}") == "\"a\\\"b\\\\c\\u0001\\n\\t\u{e9}\"")
    let text = ReportFormat.json.closing([result(.passed)], path: "p.so", strict: false)
    #expect(text.contains("\"conforms\": true"))
    #expect(text.contains("\"status\": \"passed\""))
  }

  @Test func whatCounts() {
    let failed = Verdict.failed(expected: "this", actual: "that")
    #expect(result(failed, .must).isBreach(strict: false))
    #expect(result(failed, .should).isBreach(strict: false))
    #expect(!result(failed, .inferred).isBreach(strict: false))
    #expect(result(failed, .inferred).isBreach(strict: true))
    #expect(!result(.notApplicable(reason: "why")).isBreach(strict: true))
    let text = TextReport.summary(
      [result(failed), result(failed, .inferred), result(.passed)], strict: false)
    #expect(
      text == "1 of 3 passed, 2 failed (1 only inferred, which does not count), 0 not applicable\n")
  }
}
