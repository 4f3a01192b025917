import CConformance
import Glibc

/// Memory of an actor.
struct MappedMemory {
  /// Of which kind its pages are.
  enum Kind: Int {
    case anonymous
    /// Of a memfd, which can be mapped by others.
    case shared
  }

  let base: UnsafeMutableRawPointer
  let length: Int
  let kind: Kind
  /// Where the pages are that were there before the last `replace`.
  private(set) var formerPages: UnsafeMutableRawPointer?

  /// Nil where there is no memory.
  init?(length: Int, kind: Kind) {
    var descriptor: Int32 = -1
    if kind == .shared {
      descriptor = CConformance_make_memory_file()
      guard descriptor >= 0, ftruncate(descriptor, length) == 0 else { return nil }
    }
    let flags = kind == .shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS
    guard let base = mmap(nil, length, PROT_READ | PROT_WRITE, flags, descriptor, 0),
      base != MAP_FAILED
    else { return nil }
    if descriptor >= 0 { close(descriptor) }
    (self.base, self.length, self.kind) = (base, length, kind)
  }

  /// New pages at the same addresses; the old ones stay where they can be looked at. False where the
  /// kernel cannot do it.
  mutating func replacePages(offset: Int, length: Int) -> Bool {
    guard let moved = CConformance_move_pages_away(base + offset, length) else { return false }
    formerPages = moved
    if kind == .anonymous { return true }
    // What the move has left is the same memfd's.
    let mapped = mmap(
      base + offset, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
    return mapped != MAP_FAILED
  }
}
