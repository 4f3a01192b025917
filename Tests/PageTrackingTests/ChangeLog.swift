import Glibc
import PageTracking
import Synchronization
import VirtualMemory

/// What a subscriber was told, and what it saw: in memory set aside beforehand, as it runs in hook
/// context. One for a process: each test that uses it has a process of its own.
enum ChangeLog {
  struct Entry: Equatable {
    var range: AddressRange
    var kind: MappingChangeKind?
    /// The first byte of the region while the subscriber ran.
    var content: UInt8
    var thread: pthread_t
  }

  struct Owned {
    var range: AddressRange
    var region: SecuredRegion
  }

  static let capacity = 64
  nonisolated(unsafe) static let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
  nonisolated(unsafe) static let owned = UnsafeMutablePointer<Owned>.allocate(capacity: capacity)
  /// Other threads read it while the subscriber runs.
  private static let counter = Atomic<Int>(0)
  /// Subscribers are called by several threads at once.
  private static let reserved = Atomic<Int>(0)
  static var count: Int {
    get { counter.load(ordering: .acquiring) }
    set { counter.store(newValue, ordering: .releasing) }
  }
  /// The subscriber may run in a thread of a monitor's.
  private static let ownedCounter = Atomic<Int>(0)
  static var ownedCount: Int {
    get { ownedCounter.load(ordering: .acquiring) }
    set { ownedCounter.store(newValue, ordering: .releasing) }
  }
  nonisolated(unsafe) static var tracker: PageTracker?
  /// The fault of a provider that does not let go of what changes.
  nonisolated(unsafe) static var leavesSecured = false

  /// Whether the first byte can be read while the subscriber runs: not where it is told after the
  /// change.
  nonisolated(unsafe) static var readsContent = true

  /// A subscriber as a provider is one: writes down what it is told, and unsecures what it has in
  /// the range.
  static let handler: ChangeHandler = { _, start, end, kind in
    let range = AddressRange(start: start, end: end)
    let first = UnsafePointer<UInt8>(bitPattern: start).unsafelyUnwrapped
    let index = reserved.add(1, ordering: .relaxed).oldValue
    precondition(index < capacity)
    entries[index] = Entry(
      range: range, kind: MappingChangeKind(rawValue: kind),
      content: readsContent ? first.pointee : 0,
      thread: pthread_self())
    // In order: whoever sees a count finds all of the entries.
    while count != index {}
    count = index + 1
    if leavesSecured { return }
    for index in 0..<ownedCount where owned[index].range.overlaps(range) {
      tracker.unsafelyUnwrapped.unsecure(owned[index].region)
    }
  }

  /// The tracker with this log as its subscriber and other monitors than *entries*, perhaps.
  static func start(_ monitors: MonitorSet) throws -> PageTracker {
    // No timer: the tests ask.
    setenv("PINDOWN_AUDIT_MILLISECONDS", "0", 0)
    let tracker = try start(monitored: false)
    readsContent = false
    try tracker.start(monitors)
    precondition(tracker.running == monitors, "\(tracker.monitors)")
    return tracker
  }

  /// Secures pages and takes them for pinned.
  static func pin(_ range: AddressRange, access: MemoryAccess = .readWrite) throws {
    try secure(range, access: access)
    try PageTracker.shared().recordMapping(of: owned[ownedCount - 1].region, isPinned: true)
  }

  static func secure(_ range: AddressRange, access: MemoryAccess) throws {
    let region = try PageTracker.shared().secure(range, access: access)
    precondition(ownedCount < capacity)
    owned[ownedCount] = Owned(range: range, region: region)
    ownedCount += 1
  }

  /// The tracker of this process with this log as its subscriber, and the monitor running or not.
  static func start(monitored: Bool = true) throws -> PageTracker {
    let tracker = try PageTracker.shared()
    self.tracker = tracker
    _ = try tracker.subscribe(handler, context: nil)
    if monitored { try tracker.start(.entries) }
    return tracker
  }

  static func recorded() -> [Entry] { (0..<count).map { entries[$0] } }
}
