import Glibc

/// A mapping to be changed, every byte of which is `pattern`.
struct Pages {
  static let pattern: Int32 = 0x5a
  static let size = 4096

  let base: UnsafeMutableRawPointer
  let length: Int

  init(_ count: Int, shared: Bool = false) {
    length = count * Pages.size
    let flags = (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS
    base = mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0)
    precondition(base != MAP_FAILED)
    memset(base, Pages.pattern, length)
  }

  init(heapBlock: UnsafeMutableRawPointer, length: Int) {
    memset(heapBlock, Pages.pattern, length)
    base = heapBlock
    self.length = length
  }

  var range: Range<UInt64> { self[0..<length / Pages.size] }

  /// The addresses of some of its pages.
  subscript(pages: Range<Int>) -> Range<UInt64> {
    let start = UInt64(UInt(bitPattern: base))
    return start + UInt64(pages.lowerBound * Pages.size)..<start
      + UInt64(pages.upperBound * Pages.size)
  }
}

extension Range<UInt64> {
  func contains(_ other: Range<UInt64>) -> Bool {
    lowerBound <= other.lowerBound && other.upperBound <= upperBound
  }
}
