import Inspection

/// Everything that the threads of the model share, and where each of them is: one state of the
/// protocol. Small, and compared by value.
struct ProtocolWorld: Hashable {
  static let pages = 3
  static let adapters = 2
  static let caches = 2

  /// One record of the region table, with what it holds.
  struct Slot: Hashable {
    var state = RegionState.free.rawValue
    var generation: UInt8 = 0
    var references: UInt8 = 0
    var cache: UInt8 = 0
    var start: UInt8 = 0
    var end: UInt8 = 0
    /// Bit i: adapter i has a registration.
    var mask: UInt8 = 0
    var keys = SIMD2<UInt8>()
    /// The pages that are secured, from the first to the one after the last; 0 and 0 for none.
    var secured = SIMD2<UInt8>()
    var isPinned = false
    /// The mapping of each page when it was pinned.
    var pinned = SIMD4<UInt8>()
    /// Not in the code: how often the record was begun, and whether this life was torn down.
    var life: UInt8 = 0
    var isTornDown = false

    func covers(_ page: UInt8) -> Bool { start <= page && page < end }
    func overlaps(_ range: Range<UInt8>) -> Bool {
      start < range.upperBound && range.lowerBound < end
    }
    func contains(_ range: Range<UInt8>) -> Bool {
      start <= range.lowerBound && range.upperBound <= end
    }
    var range: Range<UInt8> { start..<end }
    func isIn(_ wanted: RegionState) -> Bool { state == wanted.rawValue }
  }

  /// An adapter's entry for a region: transfers enter by compare-and-exchange, while it is open and
  /// has the generation of their key.
  struct Gate: Hashable {
    var generation: UInt8 = 0
    var isOpen = false
    var users: UInt8 = 0
  }

  /// How often each page's mapping was changed.
  var mappings = SIMD4<UInt8>()
  var slots: [Slot]
  /// Entry `slot * adapters + adapter`.
  var gates: [Gate]
  /// For each cache and page 1 + the record that covers it.
  var table: [SIMD4<UInt8>]
  /// For each cache the records, as bits, that are neither free nor live.
  var unsettled = SIMD2<UInt8>()
  /// For each cache how many records it has quarantined.
  var quarantines = SIMD2<UInt8>()
  /// Every deadline has passed.
  var isLate = false
  /// The pages that a child shares, as bits: who writes to one gets a copy.
  var shared: UInt8 = 0
  /// What the thread knew that forked.
  var inherited: ProtocolThread?
  /// For each cache 1 + the thread that holds its lock.
  var locks = SIMD2<UInt8>()
  /// Free records, as bits.
  var free: UInt8
  var threads: [ProtocolThread]

  init(slots count: Int, threads: Int) {
    slots = Array(repeating: Slot(), count: count)
    gates = Array(repeating: Gate(), count: count * Self.adapters)
    table = Array(repeating: SIMD4(), count: Self.caches)
    free = UInt8((1 << count) - 1)
    self.threads = Array(repeating: ProtocolThread(), count: threads)
  }

  func gate(_ slot: Int, _ adapter: Int) -> Gate { gates[slot * Self.adapters + adapter] }

  func isUnsettled(_ slot: Int, _ cache: Int) -> Bool { unsettled[cache] >> UInt8(slot) & 1 == 1 }

  mutating func push(_ slot: Int, _ cache: Int) { unsettled[cache] |= 1 << UInt8(slot) }

  mutating func clearTable(_ slot: Int, _ cache: Int) {
    for page in slots[slot].range where table[cache][Int(page)] == UInt8(slot + 1) {
      table[cache][Int(page)] = 0
    }
  }

  mutating func wakeWaiters() {
    for index in threads.indices { threads[index].isWoken = true }
  }

  func isSecured(_ page: UInt8) -> Bool {
    slots.contains { $0.secured[0] <= page && page < $0.secured[1] }
  }

  /// The process forks. The child gets copies of pinned pages at once, and shares the others.
  mutating func fork(_ fault: ProtocolFault?) {
    for page in 0..<UInt8(Self.pages) {
      let isPinned = slots.contains { $0.isPinned && $0.covers(page) }
      if !isPinned || fault == .forkSharesPinnedPages { shared |= 1 << page }
    }
  }

  mutating func write(_ page: UInt8, byChild: Bool) {
    if shared >> page & 1 == 0 { return }
    if !byChild { mappings[Int(page)] += 1 }
    shared &= ~(1 << page)
  }

  /// Whether a region that overlaps the page is torn down, and still open at an adapter.
  func isDyingOpen(_ page: UInt8, _ cache: Int) -> Bool {
    slots.indices.contains { slot in
      isUnsettled(slot, cache) && slots[slot].covers(page) && slots[slot].isIn(.dying)
        && (0..<Self.adapters).contains { gate(slot, $0).isOpen }
    }
  }

  /// The first record in the cache's page table for these pages.
  func firstInTable(_ range: Range<UInt8>, _ cache: Int) -> Int? {
    for page in range where table[cache][Int(page)] != 0 {
      return Int(table[cache][Int(page)]) - 1
    }
    return nil
  }

  /// The first unsettled record of the cache that overlaps and is in one of the states.
  func firstUnsettled(_ range: Range<UInt8>, _ cache: Int, _ states: RegionState...) -> Int? {
    slots.indices.first { slot in
      isUnsettled(slot, cache) && slots[slot].overlaps(range)
        && states.contains { slots[slot].isIn($0) }
    }
  }
}
