import CLinuxMemory

/// A table with one 32-bit value for each page of the address space, zero where none was set.
///
/// Reading takes no lock and no search: two loads, whatever the number of pages that have values.
/// It is made like the processor's own: a root with an entry for each GiB, and for each GiB in use
/// a leaf with a value for each page and a count of values for each block of 512 pages, so that a
/// wide range is passed over quickly. Memory: 4 bytes for each page that has a value, in whole
/// pages. Leaves are never taken away, so a reader can never meet one that is gone; a child gets an
/// empty table after a fork.
///
/// Protocol: any thread prepares, at any time: of two that make the same leaf one is kept, and an
/// entry of the root is written once, from zero. One writer at a time (its owner's lock) sets values,
/// and only where its own thread has prepared, or a value was set before: both have the leaf in place
/// for good, so that a writer who finds none is wrong about its range. That can only be a range that
/// was registered through another table: a record is written to the table of the cache that it
/// belongs to, and to no other. The writer raises a block's count before the
/// first value of the block and lowers it after the last, so a reader that sees a count of zero
/// has seen the block before any value or after all of them. Values are stored with release and
/// loaded with acquire order: who reads a value also sees what was written before it was set.
package struct PageTable: @unchecked Sendable {
  private let root: UnsafeMutableRawPointer

  private static var leafShift: UInt { 30 }
  private static var blockShift: UInt { 21 }
  private static var rootEntries: Int { 1 << Int(VirtualMemoryLimits.addressBits - leafShift) }
  private static var pagesPerLeaf: UInt { 1 << (leafShift - Page.shift) }
  private static var blocksPerLeaf: Int { 1 << Int(leafShift - blockShift) }
  private static var countsBytes: Int { blocksPerLeaf * 4 }
  private static var leafBytes: Int { countsBytes + Int(pagesPerLeaf) * 4 }
  /// The first address that the table does not cover.
  package static var addressLimit: UInt { 1 << VirtualMemoryLimits.addressBits }

  package init() throws(VirtualMemoryError) {
    guard let root = CLinuxMemory_reserve(Self.rootEntries * 8) else { throw .exhausted }
    self.root = root
  }

  /// Makes room for values in `range`. Not for hook context; before the first `set` there.
  package func prepare(_ range: AddressRange) throws(VirtualMemoryError) {
    precondition(range.end <= Self.addressLimit, "an address that no page table covers")
    var address = range.start
    while address < range.end {
      let entry = rootEntry(address)
      if entry.loadAcquiring() == 0 {
        guard let leaf = CLinuxMemory_reserve(Self.leafBytes) else { throw .exhausted }
        let raced = entry.compareExchange(expected: 0, desired: UInt64(UInt(bitPattern: leaf)))
        if !raced.exchanged { CLinuxMemory_release(leaf, Self.leafBytes) }
      }
      address = (address | ((1 << Self.leafShift) &- 1)) &+ 1
    }
  }

  /// The value of the page that holds `address`.
  @inline(__always)
  package func value(at address: UInt) -> UInt32 {
    guard let leaf = leaf(address) else { return 0 }
    return valueWord(leaf, address).loadAcquiring()
  }

  /// The address of the first page of `range` that has a value.
  package func firstValue(in range: AddressRange) -> UInt? {
    var address = range.start & ~(Page.size &- 1)
    let end = min(range.end, Self.addressLimit)
    while address < end {
      guard let leaf = leaf(address) else {
        address = (address | ((1 << Self.leafShift) &- 1)) &+ 1
        continue
      }
      if blockCount(leaf, address).loadAcquiring() == 0 {
        address = (address | ((1 << Self.blockShift) &- 1)) &+ 1
        continue
      }
      let blockEnd = min(end, (address | ((1 << Self.blockShift) &- 1)) &+ 1)
      while address < blockEnd {
        if valueWord(leaf, address).loadAcquiring() != 0 { return address }
        address &+= Page.size
      }
    }
    return nil
  }

  /// Gives every page of `range` (page-aligned, prepared) the value. Hook context; one writer.
  package func set(_ range: AddressRange, to value: UInt32) {
    update(range) { _ in value }
  }

  /// Changes the value of every page of `range`. Hook context; one writer.
  @inline(__always)
  package func update(_ range: AddressRange, _ change: (UInt32) -> UInt32) {
    var address = range.start
    while address < range.end {
      guard let leaf = leaf(address) else {
        preconditionFailure("a page table is written where it was not prepared")
      }
      let word = valueWord(leaf, address)
      let old = word.loadRelaxed()
      let new = change(old)
      let count = blockCount(leaf, address)
      if old == 0, new != 0 { count.add(1) }
      word.store(new)
      if old != 0, new == 0 { count.subtract(1) }
      address &+= Page.size
    }
  }

  @inline(__always)
  private func rootEntry(_ address: UInt) -> SharedWord {
    SharedWord(root + Int(address >> Self.leafShift) * 8)
  }

  @inline(__always)
  private func leaf(_ address: UInt) -> UnsafeMutableRawPointer? {
    if address >= Self.addressLimit { return nil }
    return UnsafeMutableRawPointer(bitPattern: UInt(rootEntry(address).loadAcquiring()))
  }

  @inline(__always)
  private func blockCount(_ leaf: UnsafeMutableRawPointer, _ address: UInt) -> SharedHalfWord {
    SharedHalfWord(leaf + Int(address >> Self.blockShift) % Self.blocksPerLeaf * 4)
  }

  @inline(__always)
  private func valueWord(_ leaf: UnsafeMutableRawPointer, _ address: UInt) -> SharedHalfWord {
    let page = address >> Page.shift & (Self.pagesPerLeaf &- 1)
    return SharedHalfWord(leaf + Self.countsBytes + Int(page) * 4)
  }
}
