import Inspection
import VirtualMemory

extension RegistrationCache {
  /// Invalidates every region that is not in use, and tries again to release those that are
  /// quarantined. Not for hook context.
  public func flush() {
    while evict(where: { _ in true }) {}
    while let slot = claimQuarantined() {
      if !tearDown(slot, reason: .invalidated, deadline: 0) { return }
    }
  }

  /// Releases every cached region that is registered at `adapter`: its last connection has
  /// closed. Not for hook context.
  public func releaseCached(adapter: Int) {
    while evict(where: { $0.nicMask.loadAcquiring() >> UInt32(adapter) & 1 == 1 }) {}
  }

  /// Makes an end of the cache: nothing may be in use. Its place in the published table is free
  /// again.
  public func shutDown() {
    CacheControl.remove(self)
    flush()
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
