import CLinuxMemory
import Glibc
import Inspection
import PageTracking
import VirtualMemory

// The miss. Between the moment in which a record is `registering` and the one in which it is
// settled nothing here allocates: an invalidation in another thread, possibly inside malloc, may
// be waiting for it.

extension RegistrationCache {
  /// What a thread finds to do for a range that no lookup served.
  private enum Plan {
    /// Another thread has served it meanwhile.
    case served(RegionReference)
    /// A record of ours is `registering`, for a range that may be larger than was asked for.
    case registering(slot: UInt32, range: AddressRange)
    /// Another thread is registering or tearing down a part of it.
    case wait
    /// The limits, or the record table, leave no room.
    case full
  }

  /// What one attempt to register has come to.
  private enum Attempt {
    /// Another thread has served the range meanwhile.
    case served(RegionReference)
    case registered(RegionReference)
    /// Another thread is registering or tearing down a part of it.
    case wait
    /// No room.
    case full
    /// The mapping changed meanwhile.
    case overtaken
    /// Some of what was to be merged is gone; the range itself may still be there.
    case partlyUnmapped
  }

  /// Registers what no lookup served; at no adapter where there is none (`warmUp`).
  func registerMissing(
    _ range: AddressRange, access: MemoryAccess, adapter: Int?
  ) throws(RegistrationCacheError) -> RegionReference {
    if state.isOpen.loadRelaxed() == 0 { throw .unavailable }
    record.misses.count()
    do {
      try pages.prepare(range)
    } catch {
      throw .exhausted
    }
    var merges = true
    var restarts = 0
    while restarts < RegistrationCacheLimits.maximumRestarts {
      // An event of memory that was here before would be taken for one of what is secured now.
      if attention.load() != 0 { _ = tracker.attend() }
      let seen = state.settled.loadAcquiring()
      switch try attempt(range, access: access, adapter: adapter, merges: merges) {
      case .registered(let reference): return reference
      case .served(let reference):
        if attention.load() == 0 || mayUse(reference) { return reference }
        release(reference)
        restarts += 1
      case .wait:
        waitForSettled(since: seen, deadline: .max)
      case .full:
        if !evictOne() {
          record.failures.count()
          throw .exhausted
        }
      case .overtaken:
        restarts += 1
        // Whoever changes the mapping may be done the sooner.
        sched_yield()
      case .partlyUnmapped: merges = false
      }
    }
    record.failures.count()
    throw .changing
  }

  /// Without signals until the record is settled: a handler that changed the mapping of the same
  /// pages would wait for the thread that it interrupts.
  private func attempt(
    _ range: AddressRange, access: MemoryAccess, adapter: Int?, merges: Bool
  ) throws(RegistrationCacheError) -> Attempt {
    let mask = CLinuxMemory_block_signals()
    defer { CLinuxMemory_restore_signals(mask) }
    switch plan(range, access: access, adapter: adapter, merges: merges) {
    case .served(let reference): return .served(reference)
    case .wait: return .wait
    case .full: return .full
    case .registering(let slot, let union):
      tearDownReplaced(in: union)
      do {
        let reference = try fill(slot, union, adapter: adapter)
        return reference.map(Attempt.registered) ?? .overtaken
      } catch .notMapped where union != range {
        return .partlyUnmapped
      } catch .exhausted {
        return .full
      } catch {
        record.failures.count()
        throw error
      }
    }
  }

  // MARK: Planning, under the lock

  private func plan(
    _ range: AddressRange, access: MemoryAccess, adapter: Int?, merges: Bool
  ) -> Plan {
    state.lock.withLock { () -> Plan in
      var union = range
      var wanted = access
      var page = range.start
      while let found = pages.firstValue(in: AddressRange(start: page, end: range.end)) {
        let slot = pages.value(at: found) - 1
        let region = publication.region(Int(slot))
        if region.current.state != .live { return .wait }
        let covered = self.range(of: region)
        if covered.contains(range), grants(region, access) {
          return addAdapter(adapter, to: region) ? take(slot, region) : .full
        }
        union = union.union(covered)
        wanted.formUnion(MemoryAccess(rawValue: UInt8(region.access.loadRelaxed())))
        page = min(covered.end, range.end)
      }
      if overlapsDying(range) { return .wait }
      if !merges { union = range }
      return begin(union, access: merges ? wanted : access)
    }
  }

  private func grants(_ region: RegionRecord, _ access: MemoryAccess) -> Bool {
    MemoryAccess(rawValue: UInt8(region.access.loadRelaxed())).isSuperset(of: access)
  }

  private func take(_ slot: UInt32, _ region: RegionRecord) -> Plan {
    let taken = region.exchange { $0.state == .live ? $0.addingReference : nil }
    guard let taken else { return .wait }
    region.recentlyUsed.storeRelaxed(1)
    return .served(RegionReference(slot: slot, generation: taken.generation))
  }

  /// Sees to it that a live region is registered at the adapter. The key is written before the bit
  /// that says there is one.
  private func addAdapter(_ adapter: Int?, to region: RegionRecord) -> Bool {
    guard let adapter else { return true }
    let mask = region.nicMask.loadAcquiring()
    if mask >> UInt32(adapter) & 1 == 1 { return true }
    let covered = range(of: region)
    let key = adapters.register(
      adapters.context, UInt32(adapter), covered.start, covered.end, region.pin.loadRelaxed(),
      region.segment.loadRelaxed())
    if key == 0 { return false }
    publication.update {
      region.key(adapter).storeRelaxed(key)
      region.nicMask.store(mask | 1 << UInt32(adapter))
    }
    record.registrations.count()
    publication.append(.registered, range: covered, provider: provider, nic: UInt32(adapter))
    return true
  }

  private func overlapsDying(_ range: AddressRange) -> Bool {
    let slot = firstUnsettled(in: range) { region in
      let state = region.current.state
      return state == .dying || state == .registering
    }
    return slot != nil
  }

  /// Takes a record for `union`, secures it, makes it `registering`, and puts it in place of what
  /// was there.
  ///
  /// It is secured before it is pinned: a change between the two is heard of. And before it replaces
  /// anything: the last user of what was replaced may tear it down at once, and a change of a page
  /// that is secured by neither would go unheard, while the new region pins it.
  private func begin(_ union: AddressRange, access: MemoryAccess) -> Plan {
    if isOverLimits(adding: UInt64(union.length), regions: 1) { return .full }
    guard let slot = regions.takeRecord() else { return .full }
    guard let secured = try? tracker.secure(union, access: access) else {
      regions.giveBack(record: slot)
      return .full
    }
    let region = publication.region(Int(slot))
    publication.update {
      replace(in: union)
      region.clear()
      region.start.storeRelaxed(UInt64(union.start))
      region.end.storeRelaxed(UInt64(union.end))
      region.provider.storeRelaxed(provider)
      region.access.storeRelaxed(UInt32(access.rawValue))
      region.trackedRegion.storeRelaxed(secured.rawValue)
      publication.header.securedRegions.count()
      publication.header.securedBytes.count(UInt64(union.length))
      let generation = region.current.generation
      region.word.store(
        RegionWord(generation: generation, state: .registering, references: 1).rawValue)
      pages.set(union, to: slot + 1)
      pushUnsettled(slot)
      record.regions.count()
      record.bytes.count(UInt64(union.length))
    }
    return .registering(slot: slot, range: union)
  }

  /// Takes every region that overlaps `union` out of the page table: it is superseded.
  private func replace(in union: AddressRange) {
    while let found = pages.firstValue(in: union) {
      let slot = pages.value(at: found) - 1
      let region = publication.region(Int(slot))
      region.exchange { word in
        RegionWord(generation: word.generation, state: .superseded, references: word.references)
      }
      pushUnsettled(slot)
      pages.clear(range(of: region), from: slot + 1)
      record.merges.count()
    }
  }

  // MARK: Registering, without the lock

  /// Tears down what was superseded and is not in use. Another thread may do the same: whoever
  /// makes a record dying tears it down.
  private func tearDownReplaced(in range: AddressRange) {
    while true {
      let replaced = state.lock.withLock { () -> UInt32? in
        firstUnsettled(in: range) { region in
          let claimed = region.exchange { word in
            word.state == .superseded && word.references == 0
              ? RegionWord(generation: word.generation, state: .dying, references: 0) : nil
          }
          return claimed != nil
        }
      }
      guard let replaced else { return }
      _ = tearDown(replaced, reason: nil)
    }
  }

  /// Pins and registers the region, and makes it live with one reference for the caller.
  /// Answers nil where its mapping changed meanwhile.
  private func fill(
    _ slot: UInt32, _ range: AddressRange, adapter: Int?
  ) throws(RegistrationCacheError) -> RegionReference? {
    let region = publication.region(Int(slot))
    do {
      if !(try pin(region, range)) {
        abandon(slot)
        return nil
      }
    } catch {
      abandon(slot)
      throw error
    }
    let registered = state.lock.withLock { () -> Bool in
      guard region.current.state == .registering, addAdapter(adapter, to: region) else {
        return false
      }
      removeUnsettled(slot)
      publication.update {
        region.registeredAt.storeRelaxed(CLinuxMemory_realtime())
        region.exchange { word in
          RegionWord(generation: word.generation, state: .live, references: word.references)
        }
      }
      return true
    }
    if registered {
      wakeWaiters()
      return RegionReference(slot: slot, generation: region.current.generation)
    }
    let wasInvalidated = region.current.state == .dying
    abandon(slot)
    if wasInvalidated { return nil }
    throw .exhausted
  }

  /// Takes back a registration that failed or was overtaken by a mapping change.
  private func abandon(_ slot: UInt32) {
    let region = publication.region(Int(slot))
    state.lock.withLock {
      publication.update {
        pages.clear(range(of: region), from: slot + 1)
        region.exchange { word in
          RegionWord(
            generation: word.generation, state: .dying, references: word.references - 1)
        }
      }
    }
    _ = tearDown(slot, reason: nil)
  }
}

extension RegionRecord {
  /// Empties everything but the word and the link. A lookup that came here through the page table
  /// of an earlier life may be reading.
  fileprivate func clear() {
    let (wordEnd, link) = (8 / 4, 92 / 4)
    for index in wordEnd..<(Self.stride / 4) where index != link {
      SharedHalfWord(base + 4 * index).storeRelaxed(0)
    }
  }
}

extension PageTable {
  /// Takes the value away from the pages that have it.
  func clear(_ range: AddressRange, from value: UInt32) {
    update(range) { $0 == value ? 0 : $0 }
  }
}
