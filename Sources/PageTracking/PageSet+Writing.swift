import VirtualMemory

// Hook context: everything in this file. One writer at a time.

extension PageSet {
  /// Adds every page of `range` (page-aligned, below the limit).
  func insert(_ range: AddressRange) {
    precondition(range.end <= Self.addressLimit, "an address that no page set covers")
    var first = range.start >> Page.shift
    let end = range.end >> Page.shift
    while first < end {
      let index = first >> Self.topShift
      let last = min(end &- 1, first | ((1 << Self.topShift) &- 1))
      let summary = summary(index)
      let bit = (1 as UInt64) << UInt64(Self.summaryBit(index))
      if summary.loadRelaxed() & bit == 0 { summary.formUnion(bit) }
      insert(Self.run(first, last, Self.topShift), topEntry(index), Self.topShift)
      first = last &+ 1
    }
  }

  /// Takes every page of `range` (page-aligned, below the limit) out.
  func remove(_ range: AddressRange) {
    var first = range.start >> Page.shift
    let end = min(range.end, Self.addressLimit) >> Page.shift
    while first < end {
      let last = min(end &- 1, first | ((1 << Self.topShift) &- 1))
      let entry = topEntry(first >> Self.topShift)
      if entry.loadRelaxed() != 0 {
        remove(Self.run(first, last, Self.topShift), entry, Self.topShift)
      }
      first = last &+ 1
    }
  }

  /// Pages of one entry, counted from its first, both ends included.
  private struct Run {
    var first: UInt
    var last: UInt

    func isWhole(_ shift: UInt) -> Bool { first == 0 && last == (1 as UInt) << shift &- 1 }

    var isEmpty: Bool { first > last }
  }

  private static func run(_ first: UInt, _ last: UInt, _ shift: UInt) -> Run {
    let mask = (1 as UInt) << shift &- 1
    return Run(first: first & mask, last: last & mask)
  }

  private static func run(of entry: UInt32) -> Run {
    Run(first: Entry.first(entry), last: Entry.last(entry))
  }

  /// An entry that says `run`, or where it is a hole everything else.
  private static func entry(_ kind: UInt32, _ run: Run) -> UInt32 {
    Entry.of(kind, run.first, run.last)
  }

  // MARK: Adding

  private func insert(_ run: Run, _ entry: SharedHalfWord, _ shift: UInt) {
    let old = entry.loadRelaxed()
    switch old & Entry.kinds {
    case Entry.unit: insert(run, inUnit: unit(Entry.number(old)), shift)
    case Entry.run: insert(run, toRun: Self.run(of: old), entry, shift)
    case Entry.hole: insert(run, aroundHole: Self.run(of: old), entry, shift)
    default: entry.store(Self.entry(Entry.run, run))
    }
  }

  private func insert(_ run: Run, toRun old: Run, _ entry: SharedHalfWord, _ shift: UInt) {
    let all = Run(first: min(old.first, run.first), last: max(old.last, run.last))
    if run.first <= old.last &+ 1, old.first <= run.last &+ 1 {
      entry.store(Self.entry(Entry.run, all))
    } else if all.isWhole(shift) {
      let low = min(old.last, run.last)
      let high = max(old.first, run.first)
      entry.store(Entry.of(Entry.hole, low &+ 1, high &- 1))
    } else if !split(entry, shift, old, run, Run(first: 1, last: 0)) {
      entry.store(Self.entry(Entry.run, all))
    }
  }

  private func insert(_ run: Run, aroundHole hole: Run, _ entry: SharedHalfWord, _ shift: UInt) {
    if run.last < hole.first || hole.last < run.first { return }
    let end = (1 as UInt) << shift &- 1
    if run.first <= hole.first, hole.last <= run.last {
      entry.store(Entry.of(Entry.run, 0, end))
    } else if run.first <= hole.first {
      entry.store(Entry.of(Entry.hole, run.last &+ 1, hole.last))
    } else if hole.last <= run.last {
      entry.store(Entry.of(Entry.hole, hole.first, run.first &- 1))
    } else {
      let low = Run(first: 0, last: hole.first &- 1)
      let high = Run(first: hole.last &+ 1, last: end)
      if !split(entry, shift, low, run, high) { entry.store(Entry.of(Entry.run, 0, end)) }
    }
  }

  private func insert(_ run: Run, inUnit unit: UnsafeMutableRawPointer, _ shift: UInt) {
    var first = run.first
    let partShift = shift == Self.bitShift ? 6 : shift &- 2
    while first <= run.last {
      let last = min(run.last, first | ((1 << partShift) &- 1))
      if shift == Self.bitShift {
        let word = Self.word(unit, first)
        word.store(word.loadRelaxed() | Self.bits(first, last))
      } else {
        let child = Self.child(unit, first >> partShift)
        insert(Self.run(first, last, partShift), child, partShift)
      }
      first = last &+ 1
    }
  }

  /// Lets a new unit say what an entry cannot: the three runs, of which the last may be empty.
  /// False where no unit is free.
  private func split(
    _ entry: SharedHalfWord, _ shift: UInt, _ one: Run, _ two: Run, _ three: Run
  ) -> Bool {
    guard let number = takeUnit() else { return false }
    let unit = unit(number)
    insert(one, inUnit: unit, shift)
    insert(two, inUnit: unit, shift)
    if !three.isEmpty { insert(three, inUnit: unit, shift) }
    entry.store(number << 2 | Entry.unit)
    return true
  }

  // MARK: Taking out

  private func remove(_ run: Run, _ entry: SharedHalfWord, _ shift: UInt) {
    let old = entry.loadRelaxed()
    switch old & Entry.kinds {
    case Entry.unit:
      remove(run, inUnit: unit(Entry.number(old)), shift)
      // Its last page is out: readers that are in it are free to find anything.
      if isEmpty(unit(Entry.number(old))) {
        entry.store(0)
        giveBack(Entry.number(old))
      }
    case Entry.run: remove(run, fromRun: Self.run(of: old), entry, shift)
    case Entry.hole: remove(run, besideHole: Self.run(of: old), entry, shift)
    default: break
    }
  }

  private func remove(_ run: Run, fromRun old: Run, _ entry: SharedHalfWord, _ shift: UInt) {
    if run.last < old.first || old.last < run.first { return }
    if run.first <= old.first, old.last <= run.last {
      entry.store(0)
    } else if run.first <= old.first {
      entry.store(Entry.of(Entry.run, run.last &+ 1, old.last))
    } else if old.last <= run.last {
      entry.store(Entry.of(Entry.run, old.first, run.first &- 1))
    } else if old.isWhole(shift) {
      entry.store(Self.entry(Entry.hole, run))
    } else {
      let low = Run(first: old.first, last: run.first &- 1)
      let high = Run(first: run.last &+ 1, last: old.last)
      _ = split(entry, shift, low, high, Run(first: 1, last: 0))
    }
  }

  private func remove(_ run: Run, besideHole hole: Run, _ entry: SharedHalfWord, _ shift: UInt) {
    let end = (1 as UInt) << shift &- 1
    if run.first <= hole.last &+ 1, hole.first <= run.last &+ 1 {
      let all = Run(first: min(hole.first, run.first), last: max(hole.last, run.last))
      if all.isWhole(shift) {
        entry.store(0)
      } else if all.first == 0 {
        entry.store(Entry.of(Entry.run, all.last &+ 1, end))
      } else if all.last == end {
        entry.store(Entry.of(Entry.run, 0, all.first &- 1))
      } else {
        entry.store(Self.entry(Entry.hole, all))
      }
      return
    }
    // Two holes, of which one may touch an end: what lies before, between and behind them.
    let low = run.first < hole.first ? run : hole
    let high = run.first < hole.first ? hole : run
    let before = Run(first: 0, last: low.first &- 1)
    let between = Run(first: low.last &+ 1, last: high.first &- 1)
    let behind = Run(first: high.last &+ 1, last: end)
    if low.first == 0 {
      _ = split(entry, shift, between, behind, Run(first: 1, last: 0))
    } else {
      _ = split(entry, shift, before, between, behind)
    }
  }

  private func remove(_ run: Run, inUnit unit: UnsafeMutableRawPointer, _ shift: UInt) {
    var first = run.first
    let partShift = shift == Self.bitShift ? 6 : shift &- 2
    while first <= run.last {
      let last = min(run.last, first | ((1 << partShift) &- 1))
      if shift == Self.bitShift {
        let word = Self.word(unit, first)
        word.store(word.loadRelaxed() & ~Self.bits(first, last))
      } else {
        let child = Self.child(unit, first >> partShift)
        remove(Self.run(first, last, partShift), child, partShift)
      }
      first = last &+ 1
    }
  }

  // MARK: Units

  /// Units that are free, one after the other, and the first that was never used.
  private var firstFree: SharedHalfWord { SharedHalfWord(base + 2048) }
  private var firstUnused: SharedHalfWord { SharedHalfWord(base + 2052) }
  /// How many are in use.
  var usedUnits: SharedHalfWord { SharedHalfWord(base + 2056) }

  private func isEmpty(_ unit: UnsafeMutableRawPointer) -> Bool {
    Self.word(unit, 0).loadRelaxed() == 0 && Self.word(unit, 64).loadRelaxed() == 0
  }

  /// A unit of which no entry speaks, all zero; nil where there is none.
  private func takeUnit() -> UInt32? {
    var number = firstFree.loadRelaxed()
    if number != 0 {
      firstFree.storeRelaxed(Entry.number(Self.child(unit(number), 0).loadRelaxed()))
      Self.word(unit(number), 0).storeRelaxed(0)
      Self.word(unit(number), 64).storeRelaxed(0)
    } else {
      number = max(firstUnused.loadRelaxed(), 1)
      if number >= unitLimit { return nil }
      firstUnused.storeRelaxed(number + 1)
    }
    usedUnits.storeRelaxed(usedUnits.loadRelaxed() + 1)
    return number
  }

  private func giveBack(_ number: UInt32) {
    Self.child(unit(number), 0).store(firstFree.loadRelaxed() << 2 | Entry.unit)
    firstFree.storeRelaxed(number)
    usedUnits.storeRelaxed(usedUnits.loadRelaxed() - 1)
  }
}
