import Glibc
import Testing

@testable import VirtualMemory

@Suite struct MemfdSegmentTests {
  @Test func theAliasShowsTheSamePages() throws {
    let segment = try MemfdSegment(byteCount: 10_000)
    #expect(segment.range.length == 3 * Page.size)
    let use = try #require(SegmentTable.shared.use(of: segment.range))
    defer { SegmentTable.shared.release(use) }
    segment.baseAddress.storeBytes(of: 0x1234, toByteOffset: 5000, as: UInt16.self)
    let location = SegmentTable.shared.location(of: use, at: segment.range.start + 5000)
    let alias = try #require(UnsafeRawPointer(bitPattern: location.alias))
    #expect(alias.loadUnaligned(as: UInt16.self) == 0x1234)
    #expect(location.offset == 5000)
    #expect(ftruncate(location.descriptor, 0) == -1, "a sealed memfd was shrunk")
  }

  /// Another mapping in the segment's place is not the segment.
  @Test func aMappingInItsPlaceIsNotTheSegment() throws {
    let segment = try MemfdSegment(byteCount: 2 * Page.size)
    let second = AddressRange(start: segment.range.start + Page.size, end: segment.range.end)
    let over = mmap(
      UnsafeMutableRawPointer(bitPattern: second.start), Int(Page.size), PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
    #expect(over != MAP_FAILED)
    #expect(SegmentTable.shared.use(of: segment.range) == nil)
    #expect(SegmentTable.shared.use(of: second) == nil)
    let first = AddressRange(start: segment.range.start, end: second.start)
    let use = try #require(SegmentTable.shared.use(of: first))
    SegmentTable.shared.release(use)
  }

  /// The memfd lives as long as an adapter uses it, and no longer.
  @Test func theMemfdGoesWithItsLastUse() throws {
    var use: SegmentUse?
    var descriptor: Int32 = -1
    do {
      let segment = try MemfdSegment(byteCount: Page.size)
      use = SegmentTable.shared.use(of: segment.range)
      let held = try #require(use)
      descriptor = SegmentTable.shared.location(of: held, at: segment.range.start).descriptor
    }
    #expect(fcntl(descriptor, F_GETFD) >= 0)
    SegmentTable.shared.release(try #require(use))
    #expect(fcntl(descriptor, F_GETFD) == -1)
  }
}
