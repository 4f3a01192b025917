import Glibc
import VirtualMemory

/// A mapping to be changed, every byte of which is `pattern`.
struct TestPages {
  static let pattern: UInt8 = 0x5a

  let base: UnsafeMutableRawPointer
  let count: Int

  init(_ count: Int) {
    self.init(
      at: mmap(
        nil, count * Int(Page.size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      count)
  }

  init(at base: UnsafeMutableRawPointer, _ count: Int) {
    precondition(base != MAP_FAILED)
    memset(base, Int32(Self.pattern), count * Int(Page.size))
    self.base = base
    self.count = count
  }

  func address(_ page: Int) -> UnsafeMutableRawPointer { base + page * Int(Page.size) }

  func bytes(_ pages: Int) -> Int { pages * Int(Page.size) }

  subscript(pages: Range<Int>) -> AddressRange {
    AddressRange(
      start: UInt(bitPattern: address(pages.lowerBound)),
      end: UInt(bitPattern: address(pages.upperBound)))
  }
}
