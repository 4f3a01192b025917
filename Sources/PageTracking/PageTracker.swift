import CLinuxMemory
import CSyscallInterception
public import VirtualMemory

/// Knows which ranges of this process are secured, and tells its subscribers before their mapping
/// changes. One for a process.
///
/// A subscriber is called in hook context: possibly inside malloc, in a signal handler, or under
/// the application's locks.
public final class PageTracker: Sendable {
  /// The pages that are secured: what a hook looks at first, without a lock.
  let coverage: PageSet
  let index: RegionIndex
  let subscribers: Subscribers
  /// Guards `index` and the writing of `coverage`. Hook context takes it.
  let lock: HookSafeLock
  let counters: TrackingCounters
  let words: MonitorWords
  /// 0 while a lookup may go on at once; else it calls `attend()` first.
  package let attention: SharedWord
  private let table = Lock(MonitorTable())

  /// The tracker of this process.
  ///
  /// Throws `.exhausted` where there is no address space for its tables. Not for hook context.
  public static func shared() throws(PageTrackingError) -> PageTracker {
    try instance.get()
  }

  static let instance = Result { () throws(PageTrackingError) in try PageTracker() }

  private init() throws(PageTrackingError) {
    guard let memory = CLinuxMemory_reserve(Int(Page.size)) else { throw .exhausted }
    coverage = try PageSet()
    index = try RegionIndex()
    subscribers = try Subscribers()
    lock = HookSafeLock(at: memory)
    counters = TrackingCounters(base: memory + 64)
    words = MonitorWords(base: memory + 512)
    attention = words.attention
    try warmUp()
  }

  /// Starts the monitors of the set that do not run yet. Where one cannot run here the others go on;
  /// `monitors` says why, and what is not seen without it.
  ///
  /// Regions that are secured already are watched from here on, but not audited: start the audit
  /// before. Not for hook context.
  public func start(_ wanted: MonitorSet) throws(PageTrackingError) {
    table.withLock { (table) in table.start(wanted, for: self) }
  }

  /// Stops every monitor. Changes that a thread is just in are still reported.
  public func stop() {
    table.withLock { (table) in table.stop(for: self) }
  }

  /// The monitors that run.
  public var running: MonitorSet {
    table.withLock { (table) in table.running }
  }

  /// How each monitor is doing, whether it was asked for or not.
  public var monitors: [MonitorStatus] {
    table.withLock { (table) in
      MonitorTable.all.map { table.status(of: $0, for: self) }
    }
  }

  /// Adds a function that is told of every change to a secured region, before it happens; returns
  /// the number under which `unsubscribe` takes it out.
  public func subscribe(
    _ handler: ChangeHandler, context: UnsafeMutableRawPointer?
  ) throws(PageTrackingError) -> Int {
    try subscribers.add(handler, context: context)
  }

  /// Takes a subscriber out. When this returns it is not running, and will not be called again;
  /// therefore it may not be called by the subscriber itself.
  public func unsubscribe(_ number: Int) {
    subscribers.remove(number)
  }

  /// Secures a page-aligned range: from here on its subscribers hear of a change before it
  /// happens. `access` is what the registration needs; only a protection change that takes
  /// some of it away counts as a change.
  ///
  /// Ranges may overlap; each is told of separately. Not for hook context.
  public func secure(
    _ range: AddressRange, access: MemoryAccess
  ) throws(PageTrackingError) -> SecuredRegion {
    guard !range.isEmpty, range.pageAligned == range, range.end <= PageSet.addressLimit else {
      throw .invalidRange
    }
    let file = mappedFile(in: range)
    let region = lock.withLock { () -> SecuredRegion? in
      guard let region = index.insert(range, access: access, file: file) else { return nil }
      if file != 0 { countFileRegion() }
      coverage.insert(range)
      counters.regions.count()
      counters.bytes.count(UInt64(range.length))
      return region
    }
    guard let region else { throw .exhausted }
    watchMappings(of: range)
    return region
  }

  /// Ends the securing of a region; does nothing where a mapping change has ended it already.
  /// Hook context.
  public func unsecure(_ region: SecuredRegion) {
    _ = lock.withLock { removeLocked(region) }
  }

  /// What the tracker has seen, and how much is secured now.
  public var statistics: TrackingStatistics {
    counters.read()
  }

  func removeLocked(_ region: SecuredRegion) -> Bool {
    guard let found = index.found(region) else { return false }
    let range = found.range
    index.remove(region)
    if found.file != 0 { uncountFileRegion() }
    uncover(range)
    counters.regions.subtract(1)
    counters.bytes.subtract(UInt64(range.length))
    return true
  }

  /// Takes pages out of `coverage` that no other region covers. Never more, not even for a moment:
  /// hooks look at it without the lock.
  private func uncover(_ range: AddressRange) {
    var start = range.start
    var previous = RegionIndex.Position.beforeAll
    while let other = index.firstOverlap(range, after: previous, remaining: []) {
      if other.range.start > start {
        coverage.remove(AddressRange(start: start, end: other.range.start))
      }
      start = max(start, min(other.range.end, range.end))
      previous = other.position
    }
    if start < range.end { coverage.remove(AddressRange(start: start, end: range.end)) }
  }
}
