import VirtualMemory

// Hook context: everything in this file.

/// What the index knows of a region, in 40 bytes: page numbers have 36 bits, which leaves room in
/// their words for the rest.
///
/// The fingerprint of what is mapped is a part of it, as the audit runs in the default set. It has
/// 64 bits for the frames and 32 for the mappings: of 2^64 changes of frames one goes unnoticed.
struct RegionNode {
  /// Bits 28 to 63: the first page. Below it the file, the access, and whether it is secured.
  private var firstPage: UInt64
  /// The last page; below it the child on the left.
  private var lastPage: UInt64
  /// The last page of all regions from here down; below it the child on the right.
  private var highestPage: UInt64
  private var frames: UInt64
  private var mapping: UInt32
  var generation: UInt32

  private static var pageShift: UInt64 { 28 }
  private static var restMask: UInt64 { 1 << pageShift - 1 }
  private static var fileShift: UInt64 { 4 }

  /// A secured region without children and without a fingerprint. `file` has 24 bits.
  init(_ range: AddressRange, access: UInt8, file: UInt32, generation: UInt32) {
    precondition(!range.isEmpty && range.end <= PageSet.addressLimit && file >> 24 == 0)
    firstPage =
      UInt64(range.start >> Page.shift) << Self.pageShift | UInt64(file) << Self.fileShift
      | UInt64(access & 7) << 1 | 1
    lastPage = UInt64((range.end &- 1) >> Page.shift) << Self.pageShift
    highestPage = lastPage
    frames = 0
    mapping = 0
    self.generation = generation
  }

  var start: UInt { UInt(firstPage >> Self.pageShift) << Page.shift }
  var end: UInt { UInt(lastPage >> Self.pageShift &+ 1) << Page.shift }

  /// Of all regions from here down.
  var highestEnd: UInt {
    get { UInt(highestPage >> Self.pageShift &+ 1) << Page.shift }
    set {
      let page = UInt64((newValue &- 1) >> Page.shift)
      highestPage = page << Self.pageShift | highestPage & Self.restMask
    }
  }

  var left: UInt32 {
    get { UInt32(lastPage & Self.restMask) }
    set { lastPage = lastPage & ~Self.restMask | UInt64(newValue) }
  }

  var right: UInt32 {
    get { UInt32(highestPage & Self.restMask) }
    set { highestPage = highestPage & ~Self.restMask | UInt64(newValue) }
  }

  /// Of the file that is mapped: `CLinuxMemory_file_mark`.
  var file: UInt32 { UInt32(firstPage >> Self.fileShift & 0xFF_FFFF) }

  var access: UInt8 { UInt8(firstPage >> 1 & 7) }

  var isSecured: Bool {
    get { firstPage & 1 != 0 }
    set { firstPage = firstPage & ~1 | (newValue ? 1 : 0) }
  }

  var fingerprint: Fingerprint {
    get { Fingerprint(frames: frames, mapping: mapping) }
    set {
      frames = newValue.frames
      mapping = newValue.mapping
    }
  }
}
