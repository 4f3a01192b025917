import Glibc
import VirtualMemory

/// Anonymous memory of whole pages, which a test can unmap and map again.
final class TestMemory {
  let base: UnsafeMutableRawPointer
  let length: Int

  init(pages: Int) {
    length = pages * Int(Page.size)
    guard let base = Self.map(nil, length, 0) else { preconditionFailure("no memory") }
    self.base = base
  }

  deinit {
    munmap(base, length)
  }

  private static func map(
    _ address: UnsafeMutableRawPointer?, _ length: Int, _ flags: Int32
  ) -> UnsafeMutableRawPointer? {
    let memory = mmap(
      address, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)
    return memory == MAP_FAILED ? nil : memory
  }

  /// New memory, zeroed, at the same place.
  func replace() {
    precondition(Self.map(base, length, MAP_FIXED) == base)
  }

  /// Fills it with bytes that depend on their place and on `seed`.
  func fill(_ seed: Int) {
    for index in 0..<length { self[index] = Self.byte(index, seed) }
  }

  func clear() {
    memset(base, 0, length)
  }

  func write(_ text: String, at offset: Int) {
    for (index, byte) in text.utf8.enumerated() { self[offset + index] = byte }
  }

  func text(at offset: Int, count: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: base + offset, count: count), as: UTF8.self)
  }

  static func byte(_ index: Int, _ seed: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (index &* 31) ^ (index >> 8) ^ seed)
  }

  /// Whether every byte is what `fill(seed)` wrote.
  func holds(_ seed: Int) -> Bool {
    (0..<length).allSatisfy { self[$0] == Self.byte($0, seed) }
  }

  subscript(_ index: Int) -> UInt8 {
    get { base.load(fromByteOffset: index, as: UInt8.self) }
    set { base.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self) }
  }
}
