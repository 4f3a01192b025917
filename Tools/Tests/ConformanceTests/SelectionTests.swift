import Testing

@testable import Conformance

struct SelectionTests {
  @Test(arguments: [
    ("C40", ["C40"]), ("C01-C03", ["C01", "C02", "C03"]), ("C70,C8-C9", ["C08", "C09", "C70"]),
    ("c5,C05", ["C05"]),
  ])
  func namesAndRanges(text: String, ids: [String]) {
    #expect(Selection(text)?.ids == ids)
  }

  @Test(arguments: [
    "", ",", "C", "40", "C0", "C89", "C40-", "-C40", "C9-C3", "C1-C2-C3", "C40 ", "C4x", "C-1",
    "C99999999999999999999", "C1,,C2", "C80-C90",
  ])
  func whatIsNone(text: String) {
    #expect(Selection(text) == nil)
  }

  @Test func all() {
    #expect(Selection.all == Selection("C01-C88"))
  }
}
