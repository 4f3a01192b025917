import VirtualMemory

// Hook context: everything in this file.

extension PageTracker {
  /// Tells of a change that is over. Regions whose mapping is what it was when they were pinned
  /// were secured after it: the event is of memory that was at the same addresses before.
  func didChange(_ range: AddressRange, kind: UInt32) {
    reportChange(range, kind: kind, remaining: [], by: .userfaultfd, unlessIntact: true)
  }

  /// Tells of a change of everything that is secured: nobody knows what has changed.
  func everythingChanged() {
    reportChange(
      .everything, kind: MappingChangeKind.munmap.rawValue, remaining: [], by: .userfaultfd,
      unlessIntact: false)
  }

  /// Calls `body` for every secured region, under no lock.
  func forEachSecured(_ body: (RegionIndex.Found) -> Void) {
    var previous = RegionIndex.Position.beforeAll
    while let found = lock.withLock({
      index.firstOverlap(.everything, after: previous, remaining: [])
    }) {
      body(found)
      previous = found.position
    }
  }
}

extension PageTracker {
  /// Waits until every event that the kernel has told of is dealt with. Returns whether the use of
  /// a region must be audited, with `verify`. Not for hook context.
  package func attend() -> Bool {
    words.awaitBatches()
    return words.attention.load() & MonitorWords.everyUse != 0
  }

  /// Writes the costs of the monitors to published memory as well, from here on: `events`,
  /// `lastNanoseconds` and `totalNanoseconds`, words of 64 bits, every 256 bytes a monitor in the
  /// order of their bits. The memory must stay.
  package func publishCosts(at memory: UnsafeMutableRawPointer) {
    words.mirror.store(UInt64(UInt(bitPattern: memory)))
  }
}
