import Testing
import VirtualMemory

@testable import PageTracking

@Suite struct PageSetTests {
  private func pages(_ first: UInt, _ count: UInt) -> AddressRange {
    AddressRange(start: first * Page.size, end: (first + count) * Page.size)
  }

  @Test func membersAreWhereTheyWereInserted() throws {
    let set = try PageSet()
    let gibibyte: UInt = 1 << 18
    // Across a word, a unit of bits, each level of units and 32 MiB; and all of a GiB.
    for range in [
      pages(62, 4), pages(127, 2), pages(511, 2), pages(2047, 2), pages(8191, 2),
      pages(gibibyte - 1, 2), pages(gibibyte, gibibyte),
    ] {
      set.insert(range)
      #expect(set.hasMember(in: pages(0, 1 << 30)))
      #expect(set.hasMember(in: AddressRange(start: range.start, end: range.start + 1)))
      #expect(set.hasMember(in: AddressRange(start: range.end - 1, end: range.end)))
      #expect(!set.hasMember(in: AddressRange(start: 0, end: range.start)))
      #expect(!set.hasMember(in: AddressRange(start: range.end, end: PageSet.addressLimit)))
      set.remove(range)
      #expect(!set.hasMember(in: pages(0, 1 << 30)))
    }
    #expect(set.usedUnits.loadRelaxed() == 0)
  }

  /// Random insertions, removals and searches against a model. How many pages, and how many at a
  /// time, decides which entries are runs, holes and units.
  @Test(arguments: [
    (span: 300, longest: 3), (10_000, 200), (20_000, 9_000), (40_000, 3), (40_000, 20_000),
  ])
  func behavesLikeASet(span: UInt, longest: UInt) throws {
    let set = try PageSet()
    var model = [Bool](repeating: false, count: Int(span))
    var generator = SeededGenerator(seed: UInt64(span + longest))
    func random() -> Range<Int> {
      let first = UInt.random(in: 0..<span, using: &generator)
      let last = min(span, first + UInt.random(in: 1...longest, using: &generator))
      return Int(first)..<Int(last)
    }
    func isRight(_ asked: Range<Int>) -> Bool {
      set.hasMember(in: pages(UInt(asked.lowerBound), UInt(asked.count)))
        == model[asked].contains(true)
    }
    for step in 0..<4_000 {
      let changed = random()
      let isInserted = Bool.random(using: &generator)
      let range = pages(UInt(changed.lowerBound), UInt(changed.count))
      if isInserted { set.insert(range) } else { set.remove(range) }
      for page in changed { model[page] = isInserted }
      try #require(isRight(random()), "step \(step)")
      for end in [changed.lowerBound, changed.upperBound - 1, changed.upperBound] {
        if end < span { try #require(isRight(end..<end + 1), "step \(step), page \(end)") }
        if end > 0 { try #require(isRight(end - 1..<end), "step \(step), before \(end)") }
      }
      if step % 500 == 0 {
        for page in 0..<Int(span) { try #require(isRight(page..<page + 1), "step \(step)") }
      }
    }
    set.remove(pages(0, span))
    #expect(!set.hasMember(in: pages(0, 1 << 30)))
    #expect(set.usedUnits.loadRelaxed() == 0, "a unit was not given back")
  }

  /// A set that has room for nothing but the top table may say too much, and never too little.
  @Test func withoutUnitsItSaysTooMuch() throws {
    let set = try PageSet(units: 1)
    var model: Set<UInt> = []
    var generator = SeededGenerator(seed: 9)
    var tooMany = 0
    for _ in 0..<2_000 {
      let first = UInt.random(in: 0..<9_000, using: &generator)
      let count = UInt.random(in: 1...40, using: &generator)
      if Bool.random(using: &generator) {
        set.insert(pages(first, count))
        model.formUnion(first..<first + count)
      } else {
        set.remove(pages(first, count))
        model.subtract(first..<first + count)
      }
      let asked = UInt.random(in: 0..<9_000, using: &generator)
      let isHit = set.hasMember(in: pages(asked, 1))
      #expect(isHit || !model.contains(asked))
      tooMany += isHit && !model.contains(asked) ? 1 : 0
    }
    #expect(tooMany > 0)
    #expect(set.usedUnits.loadRelaxed() == 0)
  }

  @Test func addressesBeyondTheSetAreNoMembers() throws {
    let set = try PageSet()
    set.insert(pages(0, 1))
    #expect(!set.hasMember(in: AddressRange(start: PageSet.addressLimit, end: .max)))
    #expect(!set.hasMember(in: AddressRange(start: 0, end: 0)))
    #expect(!set.hasMember(in: AddressRange(start: Page.size, end: .max)))
    #expect(set.hasMember(in: AddressRange(start: 0, end: .max)))
  }

  /// What detours look at: zero in the top table means that nothing is there.
  @Test func theTopTableIsZeroWhereNothingIs() throws {
    let set = try PageSet()
    let entryPages: UInt = 1 << PageSet.topShift
    set.insert(pages(5 * entryPages - 1, 2))
    for entry in 0..<8 {
      #expect((set.topTable[entry] != 0) == (entry == 4 || entry == 5))
    }
    set.remove(pages(5 * entryPages, 1))
    #expect(set.topTable[4] != 0)
    #expect(set.topTable[5] == 0)
  }
}
