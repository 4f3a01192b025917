import VirtualMemory

// Hook context: everything in this file.

extension PageTracker {
  /// Whether any page of the range is secured.
  @inline(__always)
  func isSecured(_ start: UInt, _ end: UInt) -> Bool {
    if end <= start { return false }
    return coverage.hasValue(in: AddressRange(start: start, end: end))
  }

  /// Tells the subscribers of every secured region that the change touches, one after the other,
  /// each under no lock of ours, and makes sure that none is secured afterwards: the mapping
  /// changes when this returns.
  ///
  /// `remaining` is the access that the pages will still offer: none, except after mprotect.
  func willChange(_ range: AddressRange, kind: UInt32, remaining: MemoryAccess) {
    var previous = RegionIndex.Position.beforeAll
    while true {
      let found = lock.withLock {
        index.firstOverlap(range, after: previous, remaining: remaining)
      }
      guard let found else { return }
      counters.changes.count()
      subscribers.call(found.range, kind: kind)
      let wasLeft = lock.withLock { removeLocked(found.region) }
      if wasLeft { counters.leftSecured.count() }
      previous = found.position
    }
  }

  /// Takes every path once that a hook may take, before anybody subscribes, so that a hook is never
  /// the first to touch a lazily made global or a type's metadata: that would allocate.
  func warmUp() throws(PageTrackingError) {
    let page = AddressRange(start: Page.size, end: 2 * Page.size)
    _ = try secure(page, access: .read)
    if isSecured(page.start, page.end) {
      willChange(page, kind: MappingChangeKind.munmap.rawValue, remaining: [])
    }
    counters.changes.store(0)
    counters.leftSecured.store(0)
  }
}
