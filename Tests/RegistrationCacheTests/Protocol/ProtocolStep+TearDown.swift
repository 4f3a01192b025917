import Inspection

/// Releasing what a dying record holds, by the one thread that made it so.
extension ProtocolStep {
  mutating func beginTearDown(
    _ slot: Int, in cache: Int, then place: ProtocolPlace
  ) throws(ProtocolViolation) {
    if Int(world.slots[slot].cache) != cache { throw .tornDownByStranger }
    if world.slots[slot].isTornDown { throw .tornDownTwice }
    world.slots[slot].isTornDown = true
    me.victim = UInt8(slot)
    me.adapter = 0
    me.stuck = 0
    me.afterTearDown = place
    me.place = .closeGate
  }

  mutating func tearDown(in cache: Int) throws(ProtocolViolation) -> Bool {
    switch me.place {
    case .closeGate: closeGate()
    case .drainGate: return drainGate()
    case .unpin:
      world.slots[victim].isPinned = false
      me.place = .unsecure
    case .unsecure, .unsecureStuck:
      world.slots[victim].secured = SIMD2()
      me.place = me.place == .unsecure ? .settle : .quarantine
    case .quarantine: return quarantine(in: cache)
    case .settle: return settle(in: cache)
    default: try giveBack()
    }
    return true
  }

  private var isAtAdapter: Bool { world.slots[victim].mask >> me.adapter & 1 == 1 }

  /// Closes the victim at the next adapter that has it. All are closed before one is waited for.
  private mutating func closeGate() {
    while Int(me.adapter) < ProtocolWorld.adapters, !isAtAdapter { me.adapter += 1 }
    if Int(me.adapter) == ProtocolWorld.adapters {
      if fault == .gatesClosedOneByOne { return endDeregistering() }
      me.adapter = 0
      me.place = .drainGate
      return
    }
    world.gates[victim * ProtocolWorld.adapters + Int(me.adapter)].isOpen = false
    if fault == .gatesClosedOneByOne || fault == .stuckAdapterEndsDeregistering {
      me.place = .drainGate
    } else {
      me.adapter += 1
    }
  }

  /// Waits until nobody is inside at the next adapter, or until the deadline; a flush has none.
  private mutating func drainGate() -> Bool {
    while Int(me.adapter) < ProtocolWorld.adapters, !isAtAdapter { me.adapter += 1 }
    if Int(me.adapter) == ProtocolWorld.adapters {
      endDeregistering()
      return true
    }
    let isInside = world.gate(victim, Int(me.adapter)).users != 0 && fault != .gateDoesNotWait
    if case .flush = program[Int(me.operation)] {
      if isInside, fault != .flushDoesNotAsk { me.stuck |= 1 << me.adapter }
    } else if isInside {
      if !world.isLate { return false }
      me.stuck |= 1 << me.adapter
      if fault == .stuckAdapterEndsDeregistering {
        endDeregistering()
        return true
      }
    }
    me.adapter += 1
    let isOneByOne = fault == .gatesClosedOneByOne || fault == .stuckAdapterEndsDeregistering
    if isOneByOne { me.place = .closeGate }
    return true
  }

  private mutating func endDeregistering() {
    world.slots[victim].mask = me.stuck
    if me.stuck == 0 { return go(.unpin) }
    switch fault {
    case .quarantineUnpinned:
      world.slots[victim].isPinned = false
      me.place = .unsecureStuck
    case .quarantineSettled: me.place = .unsecure
    default: me.place = .unsecureStuck
    }
  }

  private mutating func quarantine(in cache: Int) -> Bool {
    if isLocked(cache) { return false }
    world.slots[victim].state = RegionState.quarantined.rawValue
    world.slots[victim].isTornDown = false
    world.quarantines[cache] += 1
    me.hasFailed = true
    if fault != .nobodyWoken { world.wakeWaiters() }
    go(me.afterTearDown)
    return true
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
}
