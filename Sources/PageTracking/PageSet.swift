import CLinuxMemory
import VirtualMemory

/// A set of pages: the filter that a hook asks before anything else, without a lock.
///
/// A tree over the address space, in memory set aside beforehand. At its top lies a table with an
/// entry for each 32 MiB (`topPages` pages); an entry says in 32 bits what is secured there: nothing
/// (0), one run of pages, everything but one run, or that a *unit* says it in parts. A unit has 16
/// bytes: four entries for a quarter each, and where a quarter would be less than 128 pages, a bit
/// for each page. So a region costs an entry where it lies alone, and a few bits where many lie
/// close: at most 11 bytes where they lie at equal distances, whatever those are.
///
/// Detours read the top table by themselves: see `CSyscallInterception_watch_table`.
///
/// Protocol: one writer at a time (its owner's lock), any number of readers. A reader must see every
/// page that was in the set before it began and stays in it; of others it may say anything.
/// - An entry is changed by one store, and what it said before and says after both contain every
///   page that stays. A unit is complete before an entry names it.
/// - A unit is given back only when no page is left in it, and may then be used for other addresses:
///   a reader that is still in it looks for a page that has left the set meanwhile. What such a
///   reader takes for a unit's number lies within the tables, whatever it is.
/// - Where no unit is free an entry says too much rather than too little.
///
/// A child gets an empty set after a fork: zero means that nothing was ever in it.
struct PageSet: @unchecked Sendable {
  /// The summary and the words below, the top table, the units.
  let base: UnsafeMutableRawPointer
  let unitLimit: UInt32

  /// Pages of a top entry, as a power of two; of the entries in the units below it each time a
  /// quarter, down to `bitShift`, the pages of a unit of bits.
  static var topShift: UInt { 13 }
  static var bitShift: UInt { 7 }
  static var topEntries: UInt { 1 << (addressBits &- Page.shift &- topShift) }
  /// `VirtualMemoryLimits.addressBits`, where the compiler sees it.
  private static var addressBits: UInt { 48 }
  /// Of top entries that have a bit of the summary together: those in a page of memory.
  static var summaryShift: UInt { 10 }
  static var headerBytes: Int { 4096 }
  static var unitBytes: Int { 16 }
  /// The first address that the set does not cover.
  static var addressLimit: UInt { 1 << addressBits }

  /// `units` (a power of two): how many there can be. Throws `.exhausted` where there are no
  /// addresses for the tables.
  init(units: Int = PageTrackingLimits.maximumPageSetUnits) throws(PageTrackingError) {
    precondition(Self.addressBits == VirtualMemoryLimits.addressBits)
    precondition(units > 0 && units & (units - 1) == 0, "a number that is used as a mask")
    let bytes = Self.headerBytes + Int(Self.topEntries) * 4 + units * Self.unitBytes
    guard let memory = CLinuxMemory_reserve(bytes) else { throw .exhausted }
    base = memory
    unitLimit = UInt32(units)
  }

  /// The top table, for detours: one 32-bit word for each 32 MiB of addresses.
  var topTable: UnsafePointer<UInt32> {
    UnsafePointer((base + Self.headerBytes).assumingMemoryBound(to: UInt32.self))
  }

  // Hook context: everything below.

  /// Whether any page of `range` is in the set.
  @inline(__always)
  func hasMember(in range: AddressRange) -> Bool {
    let end = min(range.end, Self.addressLimit)
    if range.start >= end { return false }
    let first = range.start >> Page.shift
    let last = (end &- 1) >> Page.shift
    if (first ^ last) >> Self.topShift != 0 { return hasMemberInParts(first, last) }
    var entry = topEntry(first >> Self.topShift).loadAcquiring()
    // Nearly every range lies in one entry on every level.
    var shift = Self.topShift
    while entry & Entry.kinds == Entry.unit {
      let unit = unit(Entry.number(entry))
      if shift == Self.bitShift { return Self.hasBit(unit, first, last) }
      shift &-= 2
      if (first ^ last) >> shift != 0 {
        return hasMember(entry, shift &+ 2, first, last)
      }
      entry = Self.child(unit, first >> shift & 3).loadAcquiring()
    }
    return Entry.isHit(entry, first, last, shift)
  }

  /// Of pages that lie in more than one top entry.
  private func hasMemberInParts(_ first: UInt, _ last: UInt) -> Bool {
    var index = first >> Self.topShift
    let end = last >> Self.topShift &+ 1
    while index < end {
      let summary = summary(index).loadAcquiring() >> UInt64(Self.summaryBit(index))
      if summary & 1 == 0 {
        // To the next bit that is set, or past the word.
        let bits = summary == 0 ? 64 &- Self.summaryBit(index) : UInt(summary.trailingZeroBitCount)
        index = (index >> Self.summaryShift &+ bits) << Self.summaryShift
        continue
      }
      let entry = topEntry(index).loadAcquiring()
      if entry != 0 {
        let start = index << Self.topShift
        let stop = start | ((1 << Self.topShift) &- 1)
        if hasMember(entry, Self.topShift, max(first, start), min(last, stop)) { return true }
      }
      index &+= 1
    }
    return false
  }

  /// Of pages that lie in one entry, which has `1 << shift` of them.
  private func hasMember(_ entry: UInt32, _ shift: UInt, _ first: UInt, _ last: UInt) -> Bool {
    if entry & Entry.kinds != Entry.unit { return Entry.isHit(entry, first, last, shift) }
    let unit = unit(Entry.number(entry))
    if shift == Self.bitShift { return Self.hasBit(unit, first, last) }
    let below = shift &- 2
    var start = first
    while start <= last {
      let stop = min(last, start | ((1 << below) &- 1))
      let part = Self.child(unit, start >> below & 3).loadAcquiring()
      if part != 0, hasMember(part, below, start, stop) { return true }
      start = stop &+ 1
    }
    return false
  }

  /// Of pages that lie in one unit of bits.
  @inline(__always)
  private static func hasBit(
    _ unit: UnsafeMutableRawPointer, _ first: UInt, _ last: UInt
  ) -> Bool {
    if (first ^ last) >> 6 == 0 {
      return word(unit, first).loadAcquiring() & bits(first, last) != 0
    }
    return word(unit, first).loadAcquiring() & bits(first, first | 63) != 0
      || word(unit, last).loadAcquiring() & bits(last & ~63, last) != 0
  }

  /// The bits of pages in one word of bits.
  @inline(__always)
  static func bits(_ first: UInt, _ last: UInt) -> UInt64 {
    (.max << UInt64(first & 63)) & (.max >> UInt64(63 &- last & 63))
  }

  @inline(__always)
  static func word(_ unit: UnsafeMutableRawPointer, _ page: UInt) -> SharedWord {
    SharedWord(unit + Int(page >> 6 & 1) * 8)
  }

  @inline(__always)
  static func child(_ unit: UnsafeMutableRawPointer, _ number: UInt) -> SharedHalfWord {
    SharedHalfWord(unit + Int(number) &* 4)
  }

  @inline(__always)
  func topEntry(_ index: UInt) -> SharedHalfWord {
    SharedHalfWord(base + (Self.headerBytes &+ Int(index) &* 4))
  }

  @inline(__always)
  func unit(_ number: UInt32) -> UnsafeMutableRawPointer {
    base + (Self.headerBytes &+ Int(Self.topEntries) &* 4)
      + Int(number & (unitLimit &- 1)) &* Self.unitBytes
  }

  /// A bit for each page of the top table in which something was ever written.
  @inline(__always)
  func summary(_ index: UInt) -> SharedWord {
    SharedWord(base + Int(index >> (Self.summaryShift &+ 6)) * 8)
  }

  @inline(__always)
  static func summaryBit(_ index: UInt) -> UInt { index >> summaryShift & 63 }
}

extension PageSet {
  /// What an entry's 32 bits say: its kind, and the first and the last page of the run, counted
  /// from the entry's first page, or the unit's number.
  enum Entry {
    static var kinds: UInt32 { 3 }
    /// The run is in the set, and nothing else.
    static var run: UInt32 { 1 }
    /// The run is not in the set, and everything else is; it touches neither end.
    static var hole: UInt32 { 2 }
    static var unit: UInt32 { 3 }

    @inline(__always)
    static func first(_ entry: UInt32) -> UInt { UInt(entry >> 2 & 0x1FFF) }
    @inline(__always)
    static func last(_ entry: UInt32) -> UInt { UInt(entry >> 15 & 0x1FFF) }
    @inline(__always)
    static func number(_ entry: UInt32) -> UInt32 { entry >> 2 }

    static func of(_ kind: UInt32, _ first: UInt, _ last: UInt) -> UInt32 {
      kind | UInt32(first) << 2 | UInt32(last) << 15
    }

    /// Of pages that lie in the entry, which is no unit.
    @inline(__always)
    static func isHit(_ entry: UInt32, _ first: UInt, _ last: UInt, _ shift: UInt) -> Bool {
      if entry == 0 { return false }
      let mask = (1 as UInt) << shift &- 1
      let from = first & mask
      let to = last & mask
      if entry & kinds == run { return Entry.first(entry) <= to && from <= Entry.last(entry) }
      return from < Entry.first(entry) || Entry.last(entry) < to
    }
  }
}
