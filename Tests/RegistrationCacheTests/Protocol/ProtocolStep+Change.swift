import Inspection

/// A change of a mapping: the hook asks the tracked index, the caches invalidate, the kernel acts.
extension ProtocolStep {
  mutating func change(_ page: UInt8) throws(ProtocolViolation) -> Bool {
    let cache = Int(me.cache)
    switch me.place {
    case .ask:
      noteGivenUp()
      if world.isSecured(page) { askCache(0) } else { me.place = .changeMapping }
    case .lookIntoTable:
      me.place = world.table[cache][Int(page)] == 0 ? .lookIntoList : .nextStep
    case .lookIntoList:
      if world.unsettled[cache] == 0 { askCache(cache + 1) } else { me.place = .nextStep }
    case .waitForOthers:
      if !me.isWoken { return giveUp(page, cache) }
      me.place = .nextStep
    case .nextStep:
      if isLocked(cache) { return false }
      try nextStep(page, cache)
    case .takeOut: try takeOut(cache)
    case .changeMapping:
      try checkAnswer(page)
      world.mappings[Int(page)] += 1
      finish()
    default: return try tearDown(in: cache)
    }
    return true
  }

  /// What other changes could not release is not this one's.
  private mutating func noteGivenUp() {
    me.quarantines = world.quarantines
    for slot in world.slots.indices {
      let record = world.slots[slot]
      if record.isIn(.quarantined) || record.secured[1] == 0 { me.givenUp |= 1 << UInt8(slot) }
    }
  }

  /// At the deadline. Closing takes less time than that.
  private mutating func giveUp(_ page: UInt8, _ cache: Int) -> Bool {
    guard world.isLate else { return false }
    if world.isDyingOpen(page, cache), fault != .gatesClosedOneByOne { return false }
    me.hasFailed = true
    askCache(cache + 1)
    return true
  }

  private func checkAnswer(_ page: UInt8) throws(ProtocolViolation) {
    if me.hasFailed { return }
    for slot in world.slots.indices where me.givenUp >> UInt8(slot) & 1 == 0 {
      let record = world.slots[slot]
      if record.isPinned, record.covers(page) { throw .answeredWrongly }
    }
  }

  private mutating func askCache(_ cache: Int) {
    if cache == ProtocolWorld.caches { return go(.changeMapping) }
    me.cache = UInt8(cache)
    me.place = fault == .looksWithoutLock ? .lookIntoTable : .nextStep
  }

  private mutating func nextStep(_ page: UInt8, _ cache: Int) throws(ProtocolViolation) {
    me.isWoken = false
    let range = page..<(page + 1)
    if let found = world.firstInTable(range, cache) {
      makeDying(found, cache)
    } else if let found = world.firstUnsettled(range, cache, .superseded) {
      world.slots[found].state = RegionState.dying.rawValue
      try beginTearDown(found, in: cache, then: .nextStep)
    } else if world.firstUnsettled(range, cache, .dying, .registering) != nil {
      me.place = .waitForOthers
    } else {
      let isQuarantined = world.firstUnsettled(range, cache, .quarantined) != nil
      let wasGivenUp = isQuarantined && world.quarantines[cache] != me.quarantines[cache]
      if wasGivenUp, fault != .waiterIsSatisfied { me.hasFailed = true }
      askCache(cache + 1)
    }
  }

  private mutating func makeDying(_ found: Int, _ cache: Int) {
    lock(cache)
    me.victim = UInt8(found)
    me.victimState = world.slots[found].state
    if fault != .dyingAfterDeregistering || !world.slots[found].isIn(.live) {
      world.slots[found].state = RegionState.dying.rawValue
    }
    if me.victimState == RegionState.live.rawValue { world.push(found, cache) }
    me.place = .takeOut
  }

  private mutating func takeOut(_ cache: Int) throws(ProtocolViolation) {
    if fault != .pageTableKept { world.clearTable(victim, cache) }
    unlock(cache)
    let isOthers =
      me.victimState == RegionState.dying.rawValue
      || me.victimState == RegionState.registering.rawValue
    if isOthers {
      me.place = .waitForOthers
    } else {
      try beginTearDown(victim, in: cache, then: .nextStep)
    }
  }
}
