import Testing
import VirtualMemory

@testable import PageTracking

/// The index against a model that looks at every region.
struct RegionIndexTests {
  private struct Entry {
    let region: SecuredRegion
    let range: AddressRange
    let access: MemoryAccess
  }

  private static let accesses: [MemoryAccess] = [.read, .write, .readWrite]
  private static let remaining: [MemoryAccess] = [[], .read, .write, .readWrite]

  private static func randomRange(_ random: inout SeededGenerator) -> AddressRange {
    let first = UInt.random(in: 1...60, using: &random)
    let count = UInt.random(in: 1...12, using: &random)
    return AddressRange(start: first * Page.size, end: (first + count) * Page.size)
  }

  private static func overlaps(
    _ index: RegionIndex, _ range: AddressRange, _ remaining: MemoryAccess
  ) -> [SecuredRegion] {
    var found: [SecuredRegion] = []
    var previous = RegionIndex.Position.beforeAll
    while let next = index.firstOverlap(range, after: previous, remaining: remaining) {
      found.append(next.region)
      previous = next.position
    }
    return found
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func agreesWithALinearSearch(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let index = try RegionIndex()
    var model: [Entry] = []
    for step in 0..<1_500 {
      // Grows to a hundred regions or so, and then hovers.
      if model.isEmpty || Int.random(in: 0..<200, using: &random) > model.count {
        let range = Self.randomRange(&random)
        let access = Self.accesses.randomElement(using: &random)!
        let region = try #require(index.insert(range, access: access))
        #expect(!model.contains { $0.region == region })
        model.append(Entry(region: region, range: range, access: access))
      } else {
        let gone = model.remove(at: Int.random(in: 0..<model.count, using: &random))
        #expect(index.range(of: gone.region) == gone.range)
        index.remove(gone.region)
        #expect(index.range(of: gone.region) == nil)
      }
      let problem = index.brokenInvariant()
      try #require(problem == nil, "seed \(seed), step \(step)")
      let range = Self.randomRange(&random)
      let remaining = Self.remaining.randomElement(using: &random)!
      let expected = model.filter {
        $0.range.overlaps(range) && !remaining.isSuperset(of: $0.access)
      }
      .sorted { ($0.range.start, $0.region.node) < ($1.range.start, $1.region.node) }
      let found = Self.overlaps(index, range, remaining)
      try #require(found == expected.map(\.region), "seed \(seed), step \(step)")
    }
    #expect(index.count == model.count)
  }

  /// The check itself sees a treap that is wrong.
  @Test func invariantsAreChecked() throws {
    let index = try RegionIndex()
    for page in 1...20 as ClosedRange<UInt> {
      let range = AddressRange(start: page * Page.size, end: (page + 1) * Page.size)
      _ = index.insert(range, access: .read)
    }
    #expect(index.brokenInvariant() == nil)
    let root = Int(index.root.pointee.node)
    index.nodes[root].highestEnd += Page.size
    #expect(index.brokenInvariant() != nil)
    index.nodes[root].highestEnd -= Page.size
    #expect(index.brokenInvariant() == nil)
    swap(&index.nodes[root].left, &index.nodes[root].right)
    #expect(index.brokenInvariant() != nil)
  }

  @Test func anOldNameFindsNothing() throws {
    let index = try RegionIndex()
    let range = AddressRange(start: Page.size, end: 2 * Page.size)
    let first = try #require(index.insert(range, access: .read))
    index.remove(first)
    let second = try #require(index.insert(range, access: .read))
    #expect(first.node == second.node)
    #expect(first != second)
    #expect(index.range(of: first) == nil)
    #expect(index.range(of: second) == range)
  }
}
