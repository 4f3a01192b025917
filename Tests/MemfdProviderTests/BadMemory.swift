import Glibc
import VirtualMemory

/// A place to which a caller's pointer is wrong.
enum BadPlace: CaseIterable {
  case null, unmapped, inaccessible, beyondUserSpace
  /// The first half of what is there can be used, the second cannot.
  case cut
  /// Right for what is only read.
  case readOnly
}

/// Memory for one argument of a call: good, and in every way that it can be bad.
final class BadMemory {
  private enum Part: Int, CaseIterable { case good, inaccessible, readOnly }

  private let base: UnsafeMutableRawPointer
  private let byteCount: Int
  private static var pageBytes: Int { Int(Page.size) }

  /// - Parameters:
  ///   - byteCount: of the argument.
  ///   - fill: writes what a right argument holds.
  init(byteCount: Int, fill: (UnsafeMutableRawPointer) -> Void) {
    let length = Part.allCases.count * Self.pageBytes
    guard
      let base = mmap(
        nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      base != MAP_FAILED
    else { preconditionFailure("no memory") }
    self.base = base
    self.byteCount = byteCount
    fill(page(.good))
    fill(page(.readOnly))
    mprotect(page(.inaccessible), Self.pageBytes, PROT_NONE)
    mprotect(page(.readOnly), Self.pageBytes, PROT_READ)
  }

  deinit {
    munmap(base, Part.allCases.count * Self.pageBytes)
  }

  private func page(_ part: Part) -> UnsafeMutableRawPointer {
    base + part.rawValue * Self.pageBytes
  }

  var good: UnsafeMutableRawPointer { page(.good) }

  subscript(_ place: BadPlace) -> UnsafeMutableRawPointer? {
    switch place {
    case .null: nil
    // Where nobody may map anything, also between two calls.
    case .unmapped: UnsafeMutableRawPointer(bitPattern: Self.pageBytes)
    case .inaccessible: page(.inaccessible)
    case .beyondUserSpace: UnsafeMutableRawPointer(bitPattern: UInt.max << 47)
    case .cut: page(.inaccessible) - byteCount / 2
    case .readOnly: page(.readOnly)
    }
  }
}
