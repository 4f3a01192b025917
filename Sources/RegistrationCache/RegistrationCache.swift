import CLinuxMemory
import Inspection
import PageTracking
public import VirtualMemory

/// The registrations of a provider in this process: from an address range to the region that
/// covers it, for all of the provider's adapters.
///
/// A registration that was released stays cached until it is evicted or the mapping under it
/// changes. `RegionWord` says how lookup, invalidation and use agree.
public final class RegistrationCache: Sendable {
  let publication: Publication
  let record: ProviderRecord
  /// Index of `record`: which provider this is, in published records and in events.
  package let provider: UInt32
  let adapters: AdapterOperations
  let regions: RegionTable
  /// For each page 1 + the record of the region that covers it: registering or live ones only.
  let pages: PageTable
  let state: CacheState
  let tracker: PageTracker
  /// The tracker's word that says whether a lookup may go on at once.
  let attention: SharedWord
  /// Nil where io_uring is not available: then only memfd segments can be registered.
  let pins: PinTable?
  let frames: FrameRecorder?

  /// A cache that is published under the provider's name.
  ///
  /// Throws `.exhausted` where `Layout.maximumProviders` are published or there is no memory.
  /// Not for hook context.
  package init(
    providerName: String, adapters: AdapterOperations, pins: PinTable?,
    limits: CacheLimits = CacheLimits()
  ) throws(RegistrationCacheError) {
    do {
      publication = try Publication.current()
      tracker = try PageTracker.shared()
      attention = tracker.attention
      pages = try PageTable()
    } catch {
      throw .exhausted
    }
    guard let memory = CLinuxMemory_reserve(Int(Page.size)),
      let (index, record) = ProviderSlot.take(in: publication, name: providerName)
    else { throw .exhausted }
    provider = UInt32(index)
    self.record = record
    self.adapters = adapters
    self.pins = pins
    regions = try RegionTable.current(publication)
    state = CacheState(base: memory)
    state.isOpen.store(1)
    frames = FrameRecorder(regions)
    self.limits = limits
    try warmUp()
  }

  /// A cache for adapters of the caller's own, published under `providerName`, and taking requests
  /// from the control file system until `shutDown()`.
  ///
  /// - Parameter pinsMemory: whether memory of any kind can be registered; else memfd segments
  ///   only. Where io_uring is not available it is as if it were false.
  /// - Throws: `.exhausted` where too many caches are published or there is no memory.
  public convenience init(
    providerName: String, adapters: AdapterOperations, pinsMemory: Bool,
    limits: CacheLimits = CacheLimits()
  ) throws(RegistrationCacheError) {
    try self.init(
      providerName: providerName, adapters: adapters, pins: pinsMemory ? try? PinTable() : nil,
      limits: limits)
    CacheControl.add(self)
  }

  /// What the cache may hold; applies to what is registered from now on, and evicts at once what is
  /// too much and not in use.
  public var limits: CacheLimits {
    get {
      CacheLimits(
        maximumBytes: record.maximumBytes.loadRelaxed(),
        maximumRegions: record.maximumRegions.loadRelaxed())
    }
    set {
      publication.update {
        record.maximumBytes.store(newValue.maximumBytes)
        record.maximumRegions.store(newValue.maximumRegions)
      }
      while isOverLimits(adding: 0, regions: 0), evictOne() {}
    }
  }

  /// A region that covers `range`, grants at least `access` and is registered at `adapter`, with
  /// one reference for the caller; from the cache where it is there.
  ///
  /// A hit takes no lock, allocates nothing and makes no system call. Not for hook context.
  public func register(
    _ range: AddressRange, access: MemoryAccess, adapter: Int
  ) throws(RegistrationCacheError) -> RegionReference {
    precondition(adapter >= 0 && adapter < Layout.maximumNICs, "no such adapter")
    guard !range.isEmpty, let aligned = range.pageAligned, aligned.end <= PageTable.addressLimit
    else { throw .invalidRange }
    if let hit = lookUpAttending(aligned, access: access, adapter: adapter) {
      record.hits(CLinuxMemory_thread_number()).count()
      return hit
    }
    return try registerMissing(aligned, access: access, adapter: adapter)
  }

  /// The key of a region at an adapter; nil once it was invalidated. The key may be dead by the
  /// time it is used: the adapter finds out when a transfer enters it. Nil also in a child after a
  /// fork, which owns nothing.
  public func key(_ reference: RegionReference, adapter: Int) -> UInt32? {
    if state.isOpen.loadRelaxed() == 0 { return nil }
    if attention.load() != 0, !mayUse(reference) { return nil }
    let region = publication.region(Int(reference.slot))
    let word = region.current
    guard word.generation == reference.generation,
      word.state == .live || word.state == .superseded,
      region.nicMask.loadAcquiring() >> UInt32(adapter) & 1 == 1
    else { return nil }
    return region.key(adapter).loadRelaxed()
  }

  /// The page-aligned range of a region that the caller holds a reference of.
  public func range(of reference: RegionReference) -> AddressRange {
    range(of: publication.region(Int(reference.slot)))
  }

  /// Gives back a reference. The region stays cached, unless it was replaced or invalidated.
  /// A child after a fork has none to give back: there nothing happens. Not for hook context.
  public func release(_ reference: RegionReference) {
    if state.isOpen.loadRelaxed() == 0 { return }
    let region = publication.region(Int(reference.slot))
    let old = region.exchange { word in
      precondition(
        word.generation == reference.generation && word.references > 0,
        "a region is released more often than it was registered")
      return word.isLastUseOfReplaced ? nil : word.afterRelease
    }
    guard let old else { return releaseReplaced(reference.slot) }
    if old.references == 1, old.state == .dead { regions.giveBack(record: reference.slot) }
  }

  /// Takes the last reference off a region that was superseded when last seen.
  private func releaseReplaced(_ slot: UInt32) {
    let mask = CLinuxMemory_block_signals()
    defer { CLinuxMemory_restore_signals(mask) }
    let old = publication.region(Int(slot)).exchange { $0.afterRelease }
    guard let old, old.references == 1 else { return }
    if old.state == .superseded { _ = tearDown(slot, reason: nil) }
    if old.state == .dead { regions.giveBack(record: slot) }
  }

  /// The hit: finds and takes a reference, or answers nil.
  ///
  /// The record may begin another life, in another cache even, at any moment. So its fields are
  /// read first, and the reference is taken only in the life in which they were read: a reference
  /// of a record that is not ours could be the last one, and leave us its tearing down.
  @inline(__always)
  func lookUp(_ range: AddressRange, access: MemoryAccess, adapter: Int) -> RegionReference? {
    let value = pages.value(at: range.start)
    if value == 0 { return nil }
    let slot = value - 1
    let region = publication.region(Int(slot))
    let generation = region.current.generation
    guard serves(region, range, access: access, adapter: adapter) else { return nil }
    let taken = region.exchange { word in
      word.state == .live && word.generation == generation ? word.addingReference : nil
    }
    if taken == nil { return nil }
    region.recentlyUsed.storeRelaxed(1)
    return RegionReference(slot: slot, generation: generation)
  }

  /// Whether the region is what a registration wants.
  @inline(__always)
  private func serves(
    _ region: RegionRecord, _ range: AddressRange, access: MemoryAccess, adapter: Int
  ) -> Bool {
    region.start.loadRelaxed() <= UInt64(range.start)
      && UInt64(range.end) <= region.end.loadRelaxed()
      && region.provider.loadRelaxed() == provider
      && MemoryAccess(rawValue: UInt8(region.access.loadRelaxed())).isSuperset(of: access)
      && region.nicMask.loadAcquiring() >> UInt32(adapter) & 1 == 1
  }

  func range(of region: RegionRecord) -> AddressRange {
    AddressRange(start: UInt(region.start.loadRelaxed()), end: UInt(region.end.loadRelaxed()))
  }
}

extension RegionWord {
  /// The word with one more reference.
  @inline(__always)
  var addingReference: RegionWord {
    precondition(references < Self.maximumReferences, "a region is registered too often")
    return RegionWord(generation: generation, state: state, references: references + 1)
  }

  /// Whether the next release makes the record dying.
  @inline(__always)
  var isLastUseOfReplaced: Bool { state == .superseded && references == 1 }

  /// The word with one reference less: the last one off a superseded record makes it dying, and off
  /// a dead one free.
  @inline(__always)
  var afterRelease: RegionWord {
    var word = self
    word.references -= 1
    if word.references > 0 { return word }
    if state == .superseded { word.state = .dying }
    if state == .dead {
      word = RegionWord(generation: generation &+ 1, state: .free, references: 0)
    }
    return word
  }
}
