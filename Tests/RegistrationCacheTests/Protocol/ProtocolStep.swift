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
    case .use(let range, let adapter, let cache, let registers):
      if me.place == .begin { me.place = .readTable }
      return try use(range, adapter: adapter, cache: cache, registers: registers)
    case .change(let page):
      if me.place == .begin { me.place = .ask }
      return try change(page)
    case .evict(let cache):
      if me.place == .begin { me.place = .pickVictim }
      return try evict(cache)
    }
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

  // MARK: Tearing down

  mutating func beginTearDown(
    _ slot: Int, in cache: Int, then place: ProtocolPlace
  ) throws(ProtocolViolation) {
    if Int(world.slots[slot].cache) != cache { throw .tornDownByStranger }
    if world.slots[slot].isTornDown { throw .tornDownTwice }
    world.slots[slot].isTornDown = true
    me.victim = UInt8(slot)
    me.adapter = 0
    me.afterTearDown = place
    me.place = .closeGate
  }

  mutating func tearDown(in cache: Int) throws(ProtocolViolation) -> Bool {
    switch me.place {
    case .closeGate: closeGate()
    case .drainGate:
      let gate = world.gate(victim, Int(me.adapter))
      if gate.users != 0, fault != .gateDoesNotWait { return false }
      me.adapter += 1
      me.place = .closeGate
    case .unpin:
      world.slots[victim].isPinned = false
      me.place = .unsecure
    case .unsecure:
      world.slots[victim].secured = SIMD2()
      me.place = .settle
    case .settle: return settle(in: cache)
    default: try giveBack()
    }
    return true
  }

  private mutating func closeGate() {
    while Int(me.adapter) < ProtocolWorld.adapters {
      if world.slots[victim].mask >> me.adapter & 1 == 1 {
        world.gates[victim * ProtocolWorld.adapters + Int(me.adapter)].isOpen = false
        me.place = .drainGate
        return
      }
      me.adapter += 1
    }
    world.slots[victim].mask = 0
    me.place = .unpin
  }

  private mutating func settle(in cache: Int) -> Bool {
    if isLocked(cache) { return false }
    world.unsettled[cache] &= ~(1 << me.victim)
    if fault != .nobodyWoken { world.wakeWaiters() }
    if world.slots[victim].references == 0 || fault == .freedWhileReferenced {
      freeWord(victim)
      me.place = .giveBack
    } else {
      world.slots[victim].state = RegionState.dead.rawValue
      go(me.afterTearDown)
    }
    return true
  }

  mutating func freeWord(_ slot: Int) {
    world.slots[slot].state = RegionState.free.rawValue
    world.slots[slot].references = 0
    if fault != .generationKept { world.slots[slot].generation += 1 }
  }

  private mutating func giveBack() throws(ProtocolViolation) {
    if world.free >> me.victim & 1 == 1 { throw .givenBackTwice }
    world.free |= 1 << me.victim
    go(me.afterTearDown)
  }

  // MARK: Eviction

  private mutating func evict(_ cache: Int) throws(ProtocolViolation) -> Bool {
    switch me.place {
    case .pickVictim:
      if isLocked(cache) { return false }
      let found = world.slots.indices.first { slot in
        let record = world.slots[slot]
        return record.isIn(.live) && record.references == 0 && Int(record.cache) == cache
      }
      guard let found else {
        finish()
        return true
      }
      lock(cache)
      world.slots[found].state = RegionState.dying.rawValue
      me.victim = UInt8(found)
      world.push(found, cache)
      me.place = .takeOutVictim
    case .takeOutVictim:
      world.clearTable(victim, cache)
      unlock(cache)
      try beginTearDown(victim, in: cache, then: .done)
    default: return try tearDown(in: cache)
    }
    return true
  }
}
