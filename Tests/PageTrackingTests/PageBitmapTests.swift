import Testing
import VirtualMemory

@testable import PageTracking

@Suite struct PageBitmapTests {
  private func pages(_ first: UInt, _ count: UInt) -> AddressRange {
    AddressRange(start: first * Page.size, end: (first + count) * Page.size)
  }

  @Test func membersAreWhereTheyWereInserted() throws {
    let bitmap = try PageBitmap()
    let gibibyte: UInt = 1 << 18
    // Across a word, across a word of the summary, across the first GiB, and all of a GiB.
    for range in [pages(62, 4), pages(4095, 2), pages(gibibyte - 1, 2), pages(gibibyte, gibibyte)] {
      try bitmap.prepare(range)
      bitmap.insert(range)
      #expect(bitmap.hasMember(in: pages(0, 1 << 30)))
      #expect(bitmap.hasMember(in: AddressRange(start: range.start, end: range.start + 1)))
      #expect(bitmap.hasMember(in: AddressRange(start: range.end - 1, end: range.end)))
      #expect(!bitmap.hasMember(in: AddressRange(start: 0, end: range.start)))
      #expect(!bitmap.hasMember(in: AddressRange(start: range.end, end: PageBitmap.addressLimit)))
      bitmap.remove(range)
      #expect(!bitmap.hasMember(in: pages(0, 1 << 30)))
    }
  }

  /// Against a set, with random insertions, removals and searches.
  @Test func behavesLikeASet() throws {
    let bitmap = try PageBitmap()
    let count: UInt = 10_000
    try bitmap.prepare(pages(0, count))
    var model: Set<UInt> = []
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<3000 {
      let first = UInt.random(in: 0..<count, using: &generator)
      let last = min(count, first + UInt.random(in: 1...200, using: &generator))
      if Bool.random(using: &generator) {
        bitmap.insert(pages(first, last - first))
        model.formUnion(first..<last)
      } else {
        bitmap.remove(pages(first, last - first))
        model.subtract(first..<last)
      }
      let from = UInt.random(in: 0..<count, using: &generator)
      let to = from + UInt.random(in: 0...150, using: &generator)
      #expect(bitmap.hasMember(in: pages(from, to - from)) == !model.isDisjoint(with: from..<to))
    }
  }

  @Test func addressesBeyondTheBitmapAreNoMembers() throws {
    let bitmap = try PageBitmap()
    #expect(!bitmap.hasMember(in: AddressRange(start: PageBitmap.addressLimit, end: .max)))
    #expect(!bitmap.hasMember(in: AddressRange(start: 0, end: 0)))
  }
}
