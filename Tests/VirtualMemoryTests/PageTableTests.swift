import Testing
import VirtualMemory

@Suite struct PageTableTests {
  private func pages(_ first: UInt, _ count: UInt) -> AddressRange {
    AddressRange(start: first * Page.size, end: (first + count) * Page.size)
  }

  @Test func valuesAreWhereTheyWereSet() throws {
    let table = try PageTable()
    let gibibyte: UInt = 1 << 18
    // Across a block of 512 pages, and across the first GiB.
    for range in [pages(510, 4), pages(gibibyte - 1, 2)] {
      try table.prepare(range)
      table.set(range, to: 7)
      #expect(table.value(at: range.start) == 7)
      #expect(table.value(at: range.end - 1) == 7)
      #expect(table.value(at: range.start - 1) == 0)
      #expect(table.value(at: range.end) == 0)
      #expect(table.firstValue(in: pages(0, 1 << 30)) == range.start)
      table.set(range, to: 0)
      #expect(!table.hasValue(in: pages(0, 1 << 30)))
    }
  }

  /// Against a dictionary, with random sets and searches.
  @Test func behavesLikeADictionary() throws {
    let table = try PageTable()
    try table.prepare(pages(0, 4096))
    var model: [UInt: UInt32] = [:]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let first = UInt.random(in: 0..<4000, using: &generator)
      let range = pages(first, UInt.random(in: 1...90, using: &generator))
      let value = UInt32.random(in: 0...2, using: &generator)
      table.set(range, to: value)
      for page in first..<(first + range.pageCount) { model[page] = value == 0 ? nil : value }
      let from = UInt.random(in: 0..<4000, using: &generator)
      let to = from + UInt.random(in: 0...90, using: &generator)
      let expected = (from..<to).first { model[$0] != nil }.map { $0 * Page.size }
      #expect(table.firstValue(in: pages(from, to - from)) == expected)
    }
  }

  @Test func addressesBeyondTheTableHaveNoValue() throws {
    let table = try PageTable()
    #expect(table.value(at: .max) == 0)
    #expect(!table.hasValue(in: AddressRange(start: PageTable.addressLimit, end: .max)))
  }
}
