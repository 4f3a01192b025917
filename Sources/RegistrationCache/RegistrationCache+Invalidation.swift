import CLinuxMemory
import Inspection
import PageTracking
public import VirtualMemory

// Hook context: everything in this file.

extension RegistrationCache {
  /// What an invalidation has to do next.
  private enum Step {
    case tearDown(UInt32)
    case wait
    /// Nothing is left, but for what is quarantined.
    case done(isQuarantined: Bool)
  }

  /// Makes an end of every region that overlaps `range`, whole: when this returns no lookup
  /// finds it, no adapter has it, and its pages are neither pinned nor secured.
  ///
  /// Waits for transfers inside and for other threads at most
  /// `RegistrationCacheLimits.invalidationNanoseconds`. Any thread, hook context.
  public func invalidate(_ range: AddressRange) -> InvalidationOutcome {
    guard !range.isEmpty, let range = range.pageAligned else { return .notCached }
    // A handler on this thread that unmapped the same region would wait for itself.
    let mask = CLinuxMemory_block_signals()
    defer { CLinuxMemory_restore_signals(mask) }
    let deadline = CLinuxMemory_monotonic() + RegistrationCacheLimits.invalidationNanoseconds
    let quarantines = state.quarantines.load()
    var outcome = InvalidationOutcome.notCached
    while true {
      let seen = state.settled.load()
      switch nextStep(range) {
      case .tearDown(let slot):
        let isDown = tearDown(slot, reason: .invalidated, deadline: deadline)
        if !isDown { outcome = .failed }
        if outcome == .notCached { outcome = .invalidated }
      case .wait:
        if outcome == .notCached { outcome = .invalidated }
        if CLinuxMemory_monotonic() >= deadline { return .failed }
        waitForSettled(since: seen, deadline: deadline)
      case .done(let isQuarantined):
        // Another thread may have given up what this one was waiting for.
        let hasFailed = isQuarantined && state.quarantines.load() != quarantines
        return hasFailed ? .failed : outcome
      }
    }
  }

  private func nextStep(_ range: AddressRange) -> Step {
    state.lock.withLock { () -> Step in
      if let page = pages.firstValue(in: range) {
        return end(pages.value(at: page) - 1)
      }
      let superseded = firstUnsettled(in: range) { $0.current.state == .superseded }
      if let superseded { return end(superseded) }
      let isBusy = firstUnsettled(in: range) { region in
        let state = region.current.state
        return state == .dying || state == .registering
      }
      if isBusy != nil { return .wait }
      let quarantined = firstUnsettled(in: range) { $0.current.state == .quarantined }
      return .done(isQuarantined: quarantined != nil)
    }
  }

  /// Takes a region out of every lookup. Who registers it will find out and tear it down; any other
  /// is ours to tear down, unless its last user was quicker.
  private func end(_ slot: UInt32) -> Step {
    let region = publication.region(Int(slot))
    let old = region.exchange { word in
      word.state == .dying
        ? nil
        : RegionWord(generation: word.generation, state: .dying, references: word.references)
    }
    if let old, old.state == .live { pushUnsettled(slot) }
    pages.clear(self.range(of: region), from: slot + 1)
    guard let old, old.state != .registering else { return .wait }
    record.invalidations.count()
    return .tearDown(slot)
  }

  /// Releases what a dying record holds, which the calling thread has made dying: at the adapters,
  /// then the pin, then the securing. Returns false where an adapter did not let go in time: the
  /// record is quarantined.
  func tearDown(_ slot: UInt32, reason: EventKind?, deadline: UInt64? = nil) -> Bool {
    let region = publication.region(Int(slot))
    let deadline =
      deadline ?? CLinuxMemory_monotonic() + RegistrationCacheLimits.invalidationNanoseconds
    let isFree = deregister(region, deadline: deadline)
    guard isFree else {
      unsecure(region)
      quarantine(slot, region)
      return false
    }
    releasePages(region)
    unsecure(region)
    if let reason {
      publication.append(reason, range: range(of: region), provider: provider)
    }
    if settle(slot, region) { regions.giveBack(record: slot) }
    wakeWaiters()
    return true
  }

  /// Takes the region from every adapter that has it. It is closed at all of them before any is
  /// waited for: who waits for this thread may give up, and the mapping change.
  private func deregister(_ region: RegionRecord, deadline: UInt64) -> Bool {
    var mask = deregister(region, from: region.nicMask.loadAcquiring(), deadline: 0)
    if mask != 0 { mask = deregister(region, from: mask, deadline: deadline) }
    region.nicMask.store(mask)
    return mask == 0
  }

  /// Answers which of the adapters have not let go.
  private func deregister(
    _ region: RegionRecord, from adapterMask: UInt32, deadline: UInt64
  ) -> UInt32 {
    var mask = adapterMask
    let covered = range(of: region)
    for adapter in 0..<Layout.maximumNICs where mask >> UInt32(adapter) & 1 == 1 {
      let key = region.key(adapter).loadRelaxed()
      guard adapters.deregister(adapters.context, UInt32(adapter), key, deadline) else { continue }
      mask &= ~(1 << UInt32(adapter))
      record.deregistrations.count()
      publication.append(.deregistered, range: covered, provider: provider, nic: UInt32(adapter))
    }
    return mask
  }

  private func unsecure(_ region: RegionRecord) {
    let secured = region.trackedRegion.loadRelaxed()
    if secured == 0 { return }
    tracker.unsecure(SecuredRegion(rawValue: secured))
    region.trackedRegion.storeRelaxed(0)
    publication.header.securedRegions.subtract(1)
    publication.header.securedBytes.subtract(UInt64(range(of: region).length))
  }

  func releasePages(_ region: RegionRecord) {
    let bytes = UInt64(range(of: region).length)
    let pin = region.pin.loadRelaxed()
    if pin != 0 {
      pins?.unpin(PinSlot(rawValue: pin))
      region.pin.storeRelaxed(0)
      record.pinnedBytes.subtract(bytes)
    }
    let segment = region.segment.loadRelaxed()
    if segment != 0 {
      SegmentTable.shared.release(SegmentUse(rawValue: segment))
      region.segment.storeRelaxed(0)
    }
    regions.giveBack(chunks: region.firstFrameChunk.loadRelaxed())
    region.firstFrameChunk.storeRelaxed(0)
  }

  /// The record has nothing left: it is free, or dead while it has references. Returns whether it
  /// is free.
  private func settle(_ slot: UInt32, _ region: RegionRecord) -> Bool {
    let bytes = UInt64(range(of: region).length)
    return state.lock.withLock { () -> Bool in
      publication.update {
        removeUnsettled(slot)
        record.regions.subtract(1)
        record.bytes.subtract(bytes)
        let old = region.exchange { word in
          word.references == 0
            ? RegionWord(generation: word.generation &+ 1, state: .free, references: 0)
            : RegionWord(generation: word.generation, state: .dead, references: word.references)
        }
        return old?.references == 0
      }
    }
  }

  private func quarantine(_ slot: UInt32, _ region: RegionRecord) {
    state.lock.withLock {
      publication.update {
        region.exchange { word in
          RegionWord(
            generation: word.generation, state: .quarantined, references: word.references)
        }
        record.quarantined.count()
        state.quarantines.add(1)
      }
    }
    publication.append(.quarantined, range: range(of: region), provider: provider)
    wakeWaiters()
  }
}
