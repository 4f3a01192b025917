import CLinuxMemory
import VirtualMemory

// Hook context: everything in this file.

extension PageTracker {
  /// Whether any page of the range is secured.
  @inline(__always)
  func isSecured(_ start: UInt, _ end: UInt) -> Bool {
    if end <= start { return false }
    return coverage.hasMember(in: AddressRange(start: start, end: end))
  }

  /// Tells the subscribers of every secured region that the change touches, one after the other,
  /// each under no lock of ours, and makes sure that none is secured afterwards: the mapping
  /// changes when this returns.
  ///
  /// `remaining` is the access that the pages will still offer: none, except after mprotect.
  func willChange(
    _ range: AddressRange, kind: UInt32, remaining: MemoryAccess, by monitor: MonitorSet
  ) {
    // Once for all that follows, and not in each of its critical sections.
    let mask = CLinuxMemory_block_signals()
    defer { CLinuxMemory_restore_signals(mask) }
    reportChange(range, kind: kind, remaining: remaining, by: monitor, unlessIntact: false)
  }

  func reportChange(
    _ range: AddressRange, kind: UInt32, remaining: MemoryAccess, by monitor: MonitorSet,
    unlessIntact: Bool
  ) {
    var previous = RegionIndex.Position.beforeAll
    let began = CLinuxMemory_monotonic()
    var changes: UInt64 = 0
    while true {
      let found = lock.withLock {
        index.firstOverlap(range, after: previous, remaining: remaining)
      }
      guard let found else { break }
      previous = found.position
      if unlessIntact, compare(found) == .intact { continue }
      report(found, kind: kind)
      changes += 1
    }
    if changes == 0 { return }
    words.note(monitor, changes: changes, nanoseconds: CLinuxMemory_monotonic() - began)
  }

  /// Tells the subscribers of one region, and sees to it that it is not secured afterwards.
  func report(_ found: RegionIndex.Found, kind: UInt32) {
    counters.changes.count()
    subscribers.call(found.range, kind: kind)
    let wasLeft = lock.withLock { removeLocked(found.region) }
    if wasLeft { counters.leftSecured.count() }
  }

  /// Takes every path once that a hook may take, before anybody subscribes, so that a hook is never
  /// the first to touch a lazily made global or a type's metadata: that would allocate.
  func warmUp() throws(PageTrackingError) {
    let page = AddressRange(start: Page.size, end: 2 * Page.size)
    _ = try secure(page, access: .read)
    if isSecured(page.start, page.end) {
      willChange(
        page, kind: MappingChangeKind.munmap.rawValue, remaining: [], by: .entries)
    }
    didChange(page, kind: MappingChangeKind.munmap.rawValue)
    _ = audit(page)
    willTruncate(inode: 1, first: 0, end: 1, by: .entries)
    words.forgetCosts()
    counters.changes.store(0)
    counters.leftSecured.store(0)
  }
}
