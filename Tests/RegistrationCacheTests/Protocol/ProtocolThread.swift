/// What a thread of the model does, one after the other.
enum ProtocolOperation: Hashable {
  /// Looks a range up; registers it where it is not found and `registers`; then transfers once and
  /// gives the reference back.
  /// Where it `forks`, the process does between the lookup and the transfer.
  case use(Range<UInt8>, adapter: Int, cache: Int = 0, registers: Bool = true, forks: Bool = false)
  /// What a child does with the reference that its parent had when it forked: uses it, and gives it
  /// back.
  case useAsChild(Range<UInt8>, adapter: Int)
  /// A peer that was given the key of a live region, and has no reference, transfers once; or is
  /// stopped for ever when it is inside.
  case transferAsPeer(Range<UInt8>, adapter: Int, stops: Bool = false)
  /// From here on every wait with a deadline gives up.
  case deadlinePasses
  /// The application changes the mapping of a page: the hook first, then the change.
  case change(UInt8)
  /// Evicts one region that is not in use.
  case evict(cache: Int = 0)
  /// Tries again to release one region that is quarantined.
  case flush(cache: Int = 0)
  /// The process forks.
  case fork
  /// A process writes to a page of its own.
  case write(UInt8, byChild: Bool)
}

/// The next step of a thread. Each step touches one thing that other threads see.
enum ProtocolPlace: UInt8 {
  case begin
  // Lookup.
  case readTable, readWord, readFields, takeReference
  // Use.
  case readGrant, forkInUse, awaitFork, stopped
  case readKey, enterGate, transfer, leaveGate, release
  // Registration.
  case plan, supersede, clearReplaced, writeFields, publish, waitToPlan
  case secure, tearDownReplaced, pin, goLive, abandon
  // Tearing down.
  case closeGate, drainGate, unpin, unsecure, settle, giveBack, unsecureStuck, quarantine
  // A change.
  case ask, lookIntoTable, lookIntoList, nextStep, takeOut, makeDying, waitForOthers, changeMapping
  // Eviction.
  case pickVictim, takeOutVictim, pickQuarantined
  case done
}

/// Where a thread is, and what it remembers.
struct ProtocolThread: Hashable {
  var operation: UInt8 = 0
  var place = ProtocolPlace.begin
  /// Where to go on after tearing down.
  var afterTearDown = ProtocolPlace.begin
  /// The record that a lookup found or a registration took.
  var slot: UInt8 = 0
  var generation: UInt8 = 0
  var key: UInt8 = 0
  /// The record that is being replaced or torn down, the state that it had, and the adapter that is
  /// next to let it go.
  var victim: UInt8 = 0
  var victimState: UInt8 = 0
  var adapter: UInt8 = 0
  /// The adapters that did not let the victim go in time, as bits.
  var stuck: UInt8 = 0
  /// What a registration has made of the range that was asked for.
  var start: UInt8 = 0
  var end: UInt8 = 0
  /// The cache that a change is asking.
  var cache: UInt8 = 0
  /// Records that were quarantined by each cache when the change began, or given up already: how
  /// many, and which, as bits.
  var quarantines = SIMD2<UInt8>()
  var givenUp: UInt8 = 0
  /// Whether the change was told that something could not be released.
  var hasFailed = false
  /// Whether a record was settled since the thread last looked.
  var isWoken = false
  /// Not in the code: the life of the record that a reference is of.
  var life: UInt8 = 0

  var union: Range<UInt8> { start..<end }
}
