import Inspection

/// One step of one thread, on a copy of the world.
///
/// The functions follow the code of the same purpose: `RegistrationCache.lookUp`, `+Registering`,
/// `+Invalidation` and `+Eviction`. What the code does under the cache's lock is one step where no
/// thread looks without the lock, and several where one does.
struct ProtocolStep {
  var world: ProtocolWorld
  let thread: Int
  let program: [ProtocolOperation]
  let fault: ProtocolFault?

  var me: ProtocolThread {
    get { world.threads[thread] }
    set { world.threads[thread] = newValue }
  }
  var slot: Int { Int(me.slot) }
  var victim: Int { Int(me.victim) }

  /// Takes the thread's next step. Answers false where it has to wait, or is done.
  mutating func run() throws(ProtocolViolation) -> Bool {
    guard Int(me.operation) < program.count else { return false }
    switch program[Int(me.operation)] {
    case .use(let range, let adapter, let cache, let registers, let forks):
      if me.place == .begin { me.place = .readTable }
      if forks, me.place == .readKey, world.inherited == nil { me.place = .forkInUse }
      return try use(range, adapter: adapter, cache: cache, registers: registers)
    case .useAsChild(let range, let adapter):
      if me.place == .begin { me.place = .awaitFork }
      return try useAsChild(range, adapter: adapter)
    case .transferAsPeer(let range, let adapter, let stops):
      if me.place == .begin { me.place = .readGrant }
      return try transferAsPeer(range, adapter: adapter, stops: stops)
    case .change(let page):
      if me.place == .begin { me.place = .ask }
      return try change(page)
    case .evict(let cache):
      if me.place == .begin { me.place = .pickVictim }
      return try evict(cache)
    case .flush(let cache):
      if me.place == .begin { me.place = .pickQuarantined }
      return try flush(cache)
    case .deadlinePasses:
      world.isLate = true
      finish()
    case .fork:
      world.fork(fault)
      finish()
    case .write(let page, let byChild):
      world.write(page, byChild: byChild)
      finish()
    }
    return true
  }

  mutating func finish() {
    let next = me.operation + 1
    me = ProtocolThread()
    me.operation = next
    if Int(next) == program.count { me.place = .done }
  }

  mutating func go(_ place: ProtocolPlace) {
    if place == .done { finish() } else { me.place = place }
  }

  // MARK: The lock of a cache

  func isLocked(_ cache: Int) -> Bool { world.locks[cache] != 0 }

  mutating func lock(_ cache: Int) { world.locks[cache] = UInt8(thread + 1) }

  mutating func unlock(_ cache: Int) { world.locks[cache] = 0 }
}
