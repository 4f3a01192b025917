import CLinuxMemory
import Inspection
import VirtualMemory

extension RegistrationCache {
  /// Invalidates every region that is not in use, and tries again to release those that are
  /// quarantined. Not for hook context.
  public func flush() {
    while evict(where: { _ in true }) {}
    while releaseQuarantined() {}
  }

  /// Tries again to release a quarantined region. Returns false where there is none, or it failed.
  private func releaseQuarantined() -> Bool {
    let mask = CLinuxMemory_block_signals()
    defer { CLinuxMemory_restore_signals(mask) }
    guard let slot = claimQuarantined() else { return false }
    return tearDown(slot, reason: .invalidated, deadline: 0)
  }

  /// Releases every cached region that is registered at `adapter`: its last connection has
  /// closed. Not for hook context.
  public func releaseCached(adapter: Int) {
    while evict(where: { $0.nicMask.loadAcquiring() >> UInt32(adapter) & 1 == 1 }) {}
  }

  /// Makes an end of the cache. Its place in the published table is free again, unless a region is
  /// in use or quarantined: then the cache stays, because regions name it by this place, and the next
  /// one there would take them for its own; it can be shut down later. In a child after a fork
  /// nothing happens.
  public func shutDown() {
    if state.isOpen.loadRelaxed() == 0 { return }
    flush()
    if record.regions.load() != 0 { return }
    CacheControl.remove(self)
    state.isOpen.store(0)
    ProviderSlot.giveBack(record, in: publication)
  }

  func isOverLimits(adding bytes: UInt64, regions: UInt64) -> Bool {
    let (sum, overflow) = record.bytes.loadRelaxed().addingReportingOverflow(bytes)
    return overflow || sum > record.maximumBytes.loadRelaxed()
      || record.regions.loadRelaxed() + regions > record.maximumRegions.loadRelaxed()
  }

  /// Evicts the region that a second-chance clock finds: one that is not in use, and was not used
  /// since the hand last passed it. Returns false where every region is in use.
  func evictOne() -> Bool {
    if evict(where: { $0.recentlyUsed.exchange(0) == 0 }) { return true }
    // Everything was used since the last round, which has taken that mark away.
    return evict(where: { _ in true })
  }

  /// Evicts one region that is not in use and that `isWanted`.
  private func evict(where isWanted: (RegionRecord) -> Bool) -> Bool {
    // As with a registration: no handler may wait for this thread.
    let mask = CLinuxMemory_block_signals()
    defer { CLinuxMemory_restore_signals(mask) }
    let count = regions.usedRecords
    let victim = state.lock.withLock { () -> UInt32? in
      for step in 0..<count {
        let slot = (state.hand.loadRelaxed() + step) % count
        let region = publication.region(Int(slot))
        guard let life = evictable(region), isWanted(region), claim(region, in: life) else {
          continue
        }
        publication.update {
          pushUnsettled(slot)
          pages.clear(range(of: region), from: slot + 1)
        }
        state.hand.storeRelaxed(slot + 1)
        return slot
      }
      return nil
    }
    guard let victim else { return false }
    record.evictions.count()
    _ = tearDown(victim, reason: .evicted)
    return true
  }

  /// The generation of a region of ours that is not in use.
  private func evictable(_ region: RegionRecord) -> UInt32? {
    let word = region.current
    guard word.state == .live, word.references == 0, region.provider.loadRelaxed() == provider
    else { return nil }
    return word.generation
  }

  /// Makes a region dying that is still in the life in which its provider was read, and still not
  /// in use.
  private func claim(_ region: RegionRecord, in generation: UInt32) -> Bool {
    let claimed = region.exchange { word in
      word.state == .live && word.references == 0 && word.generation == generation
        ? RegionWord(generation: generation, state: .dying, references: 0) : nil
    }
    return claimed != nil
  }

  private func claimQuarantined() -> UInt32? {
    state.lock.withLock { () -> UInt32? in
      let everywhere = AddressRange(start: 0, end: .max)
      return firstUnsettled(in: everywhere) { region in
        let claimed = region.exchange { word in
          word.state == .quarantined
            ? RegionWord(generation: word.generation, state: .dying, references: word.references)
            : nil
        }
        return claimed != nil
      }
    }
  }
}
