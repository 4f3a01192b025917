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
    var previous: (start: UInt, node: UInt32) = (0, 0)
    while true {
      let found = lock.withLock {
        index.firstOverlap(range, after: previous, remaining: remaining)
      }
      guard let (region, touched) = found else { return }
      counters.changes.count()
      subscribers.call(touched, kind: kind)
      let wasLeft = lock.withLock { removeLocked(region) }
      if wasLeft { counters.leftSecured.count() }
      previous = (touched.start, region.node)
    }
  }

  /// Takes every path once that a hook may take, so that the hook is not the first to touch a
  /// lazily made global or a type's metadata, which would allocate.
  func warmUp() {
    guard let page = UnsafeMutableRawPointer(bitPattern: Page.size) else { return }
    let address = UInt(bitPattern: page)
    _ = isSecured(address, address + Page.size)
    willChange(AddressRange(start: address, end: address + Page.size), kind: 0, remaining: [])
  }
}
