import Testing
import VirtualMemory

@Suite struct AddressRangeTests {
  @Test func aLengthThatWrapsMakesNoRange() {
    #expect(AddressRange(start: .max - 10, length: 11) == nil)
    #expect(AddressRange(start: .max - 10, length: 10) != nil)
    #expect(AddressRange(start: .max - 10, end: .max).pageAligned == nil)
  }

  @Test func alignmentGoesOutward() {
    let range = AddressRange(start: 0x1001, end: 0x2001)
    #expect(range.pageAligned == AddressRange(start: 0x1000, end: 0x3000))
    #expect(AddressRange(start: 0x1000, end: 0x1000).pageAligned?.isEmpty == true)
  }

  @Test func rangesThatTouchDoNotOverlap() {
    let low = AddressRange(start: 0x1000, end: 0x2000)
    let high = AddressRange(start: 0x2000, end: 0x3000)
    #expect(!low.overlaps(high) && !high.overlaps(low))
    #expect(low.union(high) == AddressRange(start: 0x1000, end: 0x3000))
    #expect(low.intersection(high).isEmpty)
  }
}
