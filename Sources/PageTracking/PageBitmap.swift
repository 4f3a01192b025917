import CLinuxMemory
import VirtualMemory

/// A set of pages: one bit for each page of the address space.
///
/// Reading takes no lock and no search, whatever the number of pages in it. It is made like the
/// processor's own tables: a root with an entry for each GiB, and for each GiB in use a leaf with a
/// bit for each page, and a summary with a bit for each word of those, so that a wide range is
/// passed over quickly. Memory: a bit for each page, in whole pages of 128 MiB of addresses each.
/// Leaves are never taken away, so a reader can never meet one that is gone; a child gets an empty
/// set after a fork.
///
/// Protocol: one writer at a time (its owner's lock). The writer sets the summary's bit before the
/// first bit of a word and clears it after the last, so a reader that sees it clear has seen the
/// word before any bit or after all of them.
struct PageBitmap: @unchecked Sendable {
  private let root: UnsafeMutableRawPointer

  private static var leafShift: UInt { 30 }
  private static var wordShift: UInt { Page.shift + 6 }
  private static var rootEntries: Int { 1 << Int(VirtualMemoryLimits.addressBits - leafShift) }
  private static var wordsPerLeaf: UInt { 1 << (leafShift - wordShift) }
  private static var leafBytes: Int { Int(wordsPerLeaf) * 8 + Int(wordsPerLeaf) / 8 }
  /// The first address that the set does not cover.
  static var addressLimit: UInt { 1 << VirtualMemoryLimits.addressBits }

  init() throws(PageTrackingError) {
    guard let root = CLinuxMemory_reserve(Self.rootEntries * 8) else { throw .exhausted }
    self.root = root
  }

  /// Makes room for the pages of `range`. Not for hook context; before the first `insert` there.
  func prepare(_ range: AddressRange) throws(PageTrackingError) {
    precondition(range.end <= Self.addressLimit, "an address that no page bitmap covers")
    var address = range.start
    while address < range.end {
      let entry = rootEntry(address)
      if entry.loadAcquiring() == 0 {
        guard let leaf = CLinuxMemory_reserve(Self.leafBytes) else { throw .exhausted }
        let raced = entry.compareExchange(expected: 0, desired: UInt64(UInt(bitPattern: leaf)))
        if !raced.exchanged { CLinuxMemory_release(leaf, Self.leafBytes) }
      }
      address = Self.next(address, Self.leafShift)
    }
  }

  // Hook context: everything below.

  /// Whether any page of `range` is in the set.
  @inline(__always)
  func hasMember(in range: AddressRange) -> Bool {
    let end = min(range.end, Self.addressLimit)
    if range.start >= end { return false }
    // Nearly every range lies in one word.
    if (range.start ^ (end &- 1)) >> Self.wordShift == 0 {
      guard let leaf = leaf(range.start) else { return false }
      return word(leaf, range.start).loadAcquiring() & Self.bits(range.start, end) != 0
    }
    return hasMemberInWords(range.start, end)
  }

  private func hasMemberInWords(_ start: UInt, _ end: UInt) -> Bool {
    var address = start
    while address < end {
      guard let leaf = leaf(address) else {
        address = Self.next(address, Self.leafShift)
        continue
      }
      // 64 words are 16 MiB of addresses.
      let summary = summary(leaf, address).loadAcquiring() >> Self.summaryBit(address)
      if summary == 0 {
        address = Self.next(address, Self.wordShift + 6)
        continue
      }
      address = Self.skip(UInt(summary.trailingZeroBitCount), from: address)
      if address >= end { return false }
      let found = word(leaf, address).loadAcquiring() & Self.bits(address, end)
      if found != 0 { return true }
      address = Self.next(address, Self.wordShift)
    }
    return false
  }

  /// Adds every page of `range` (page-aligned, prepared). One writer.
  func insert(_ range: AddressRange) {
    var address = range.start
    while address < range.end {
      let leaf = preparedLeaf(address)
      let word = word(leaf, address)
      let summary = summary(leaf, address)
      summary.store(summary.loadRelaxed() | 1 << Self.summaryBit(address))
      word.store(word.loadRelaxed() | Self.bits(address, range.end))
      address = Self.next(address, Self.wordShift)
    }
  }

  /// Takes every page of `range` (page-aligned, prepared) out. One writer.
  func remove(_ range: AddressRange) {
    var address = range.start
    while address < range.end {
      let leaf = preparedLeaf(address)
      let word = word(leaf, address)
      let rest = word.loadRelaxed() & ~Self.bits(address, range.end)
      word.store(rest)
      if rest == 0 {
        let summary = summary(leaf, address)
        summary.store(summary.loadRelaxed() & ~(1 << Self.summaryBit(address)))
      }
      address = Self.next(address, Self.wordShift)
    }
  }

  /// The bits of the word of `address`, from there to `end` or to the word's end.
  @inline(__always)
  private static func bits(_ address: UInt, _ end: UInt) -> UInt64 {
    let first = UInt64(address >> Page.shift & 63)
    let last = min(next(address, wordShift) &- 1, end &- 1)
    return (.max << first) & (.max >> (63 - UInt64(last >> Page.shift & 63)))
  }

  /// The next address of which the lower `shift` bits are zero.
  @inline(__always)
  private static func next(_ address: UInt, _ shift: UInt) -> UInt {
    (address | ((1 << shift) &- 1)) &+ 1
  }

  /// The start of the word that is `words` behind that of `address`; `address` itself for none.
  @inline(__always)
  private static func skip(_ words: UInt, from address: UInt) -> UInt {
    words == 0 ? address : (address >> wordShift &+ words) << wordShift
  }

  @inline(__always)
  private static func summaryBit(_ address: UInt) -> UInt64 {
    UInt64(address >> wordShift & 63)
  }

  @inline(__always)
  private func rootEntry(_ address: UInt) -> SharedWord {
    SharedWord(root + Int(address >> Self.leafShift) * 8)
  }

  /// Of an address below the limit.
  @inline(__always)
  private func leaf(_ address: UInt) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(bitPattern: UInt(rootEntry(address).loadAcquiring()))
  }

  private func preparedLeaf(_ address: UInt) -> UnsafeMutableRawPointer {
    guard let leaf = leaf(address) else {
      preconditionFailure("a page bitmap is written where it was not prepared")
    }
    return leaf
  }

  @inline(__always)
  private func word(_ leaf: UnsafeMutableRawPointer, _ address: UInt) -> SharedWord {
    SharedWord(leaf + Int(address >> Self.wordShift & (Self.wordsPerLeaf &- 1)) * 8)
  }

  @inline(__always)
  private func summary(_ leaf: UnsafeMutableRawPointer, _ address: UInt) -> SharedWord {
    let index = address >> (Self.wordShift + 6) & (Self.wordsPerLeaf / 64 &- 1)
    return SharedWord(leaf + Int(Self.wordsPerLeaf) * 8 + Int(index) * 8)
  }
}
