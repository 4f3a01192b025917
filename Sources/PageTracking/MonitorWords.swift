import CLinuxMemory
import VirtualMemory

// Hook context: everything in this file.

/// What the monitors, the tracker and the users of registrations agree on, in memory set aside
/// beforehand. It is zero in a child after a fork: nothing runs there.
///
/// Protocol of `attention`, the one word that a lookup loads: bit 63 is set while every use is to
/// be audited, and the rest counts batches of the kernel's events that are not yet dealt with.
///
/// A thread that changes a mapping waits in the kernel until the event is *read*. So the reader
/// raises the word before it reads, and lowers it only when what it read has been reported to every
/// subscriber. When the changing thread goes on the word is raised, or it is all over; a lookup that
/// comes after the change in the order of the program therefore finds the region gone, or waits.
/// What the word cannot close: the kernel tells of an unmapping when it is done. Between that and
/// the reader's waking (tens of microseconds) *another* thread can be given the same addresses and
/// look them up. Only *dispatch*, which comes before the change, or an audit at every use does.
struct MonitorWords: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  static var byteCount: Int { 512 }
  static var everyUse: UInt64 { 1 << 63 }

  var attention: SharedWord { SharedWord(base) }
  /// Batches that were announced, read, and dealt with.
  var announced: SharedHalfWord { SharedHalfWord(base + 8) }
  var read: SharedHalfWord { SharedHalfWord(base + 12) }
  var settled: SharedHalfWord { SharedHalfWord(base + 16) }
  /// Threads that wait for `settled`.
  var waiters: SharedHalfWord { SharedHalfWord(base + 20) }
  /// The thread that deals with them.
  var eventThread: SharedHalfWord { SharedHalfWord(base + 24) }
  /// 1 while events are reported. The threads stay when the monitor is stopped, and read on: a
  /// thread that unmaps what is still watched would wait for ever.
  var reportsEvents: SharedHalfWord { SharedHalfWord(base + 28) }
  /// Mappings that could not be watched.
  var unwatched: SharedWord { SharedWord(base + 32) }
  /// Descriptors plus one; 0 while there is none.
  var eventSource: SharedHalfWord { SharedHalfWord(base + 64) }
  var maps: SharedHalfWord { SharedHalfWord(base + 68) }
  var pagemap: SharedHalfWord { SharedHalfWord(base + 72) }
  /// Raised to end the audit's thread; and 1 while secured regions get fingerprints.
  var auditRound: SharedHalfWord { SharedHalfWord(base + 76) }
  var auditRoundAddress: UnsafeMutableRawPointer { base + 76 }
  var takesFingerprints: SharedHalfWord { SharedHalfWord(base + 80) }
  /// Secured regions in which a file is mapped. Under the tracker's lock.
  var fileRegions: SharedHalfWord { SharedHalfWord(base + 84) }
  /// Where the costs are written to as well: a published record, or 0.
  var mirror: SharedWord { SharedWord(base + 88) }

  /// The cost of a monitor, given its bit.
  func costs(of monitor: MonitorSet) -> MonitorCosts {
    MonitorCosts(base: base + 256 + monitor.rawValue.trailingZeroBitCount * MonitorCosts.stride)
  }

  /// Adds to the costs of a monitor. `changes` is how many regions it has reported.
  func note(_ monitor: MonitorSet, changes: UInt64, nanoseconds: UInt64) {
    costs(of: monitor).add(changes: changes, nanoseconds: nanoseconds)
    guard let mirror = UnsafeMutableRawPointer(bitPattern: UInt(mirror.loadAcquiring())) else {
      return
    }
    let offset = monitor.rawValue.trailingZeroBitCount * MonitorCosts.mirrorStride
    MonitorCosts(base: mirror + offset).add(changes: changes, nanoseconds: nanoseconds)
  }

  /// Sets every cost back: nothing was reported yet.
  func forgetCosts() {
    for bit in 0..<4 {
      let costs = costs(of: MonitorSet(rawValue: 1 << UInt32(bit)))
      costs.events.store(0)
      costs.lastNanoseconds.store(0)
      costs.totalNanoseconds.store(0)
    }
  }

  func setAuditAtEveryUse(_ wanted: Bool) {
    var old = attention.load()
    while true {
      let new = wanted ? old | Self.everyUse : old & ~Self.everyUse
      let raced = attention.compareExchange(expected: old, desired: new)
      if raced.exchanged { return }
      old = raced.original
    }
  }

  /// Says that a batch of events is about to be read.
  func announceBatch() {
    announced.add(1)
    attention.add(1)
  }

  /// Says that every batch up to `number` is dealt with.
  func settleBatches(upTo number: UInt32) {
    let count = number &- settled.load()
    settled.store(number)
    attention.subtract(UInt64(count))
    if waiters.load() != 0 { CLinuxMemory_futex_wake(base + 16, Int32.max) }
  }

  /// Waits until every batch that was announced is dealt with. Not on the thread that does so.
  func awaitBatches() {
    if eventThread.load() == UInt32(bitPattern: CLinuxMemory_thread_id()) { return }
    let wanted = announced.load()
    waiters.add(1)
    while true {
      let now = settled.load()
      if Int32(bitPattern: wanted &- now) <= 0 { break }
      _ = CLinuxMemory_futex_wait(base + 16, now, -1)
    }
    waiters.subtract(1)
  }
}

/// What a monitor has reported, and how long that took.
struct MonitorCosts: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  static var stride: Int { 32 }
  /// From one monitor to the next where they are published.
  static var mirrorStride: Int { 256 }

  var events: SharedWord { SharedWord(base) }
  var lastNanoseconds: SharedWord { SharedWord(base + 8) }
  var totalNanoseconds: SharedWord { SharedWord(base + 16) }

  func add(changes: UInt64, nanoseconds: UInt64) {
    events.count(changes)
    lastNanoseconds.storeRelaxed(nanoseconds)
    totalNanoseconds.count(nanoseconds)
  }
}
