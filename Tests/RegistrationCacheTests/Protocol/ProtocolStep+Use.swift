import Inspection

/// Looking up, using, and giving back.
extension ProtocolStep {
  mutating func use(
    _ range: Range<UInt8>, adapter: Int, cache: Int, registers: Bool
  ) throws(ProtocolViolation) -> Bool {
    switch me.place {
    case .readTable, .readWord, .readFields, .takeReference:
      let misses = try !lookUp(range, adapter: adapter, cache: cache)
      if misses { go(registers ? .plan : .done) }
    case .readKey, .enterGate, .transfer, .leaveGate:
      try transfer(range, adapter: adapter)
    case .forkInUse:
      world.inherited = me
      world.fork(fault)
      me.place = .readKey
    case .release: try release(in: cache)
    case .closeGate, .drainGate, .unpin, .unsecure, .settle, .giveBack, .unsecureStuck, .quarantine:
      return try tearDown(in: cache)
    default: return try register(range, adapter: adapter, cache: cache)
    }
    return true
  }

  /// Answers false for a miss.
  private mutating func lookUp(
    _ range: Range<UInt8>, adapter: Int, cache: Int
  ) throws(ProtocolViolation) -> Bool {
    let isEarly = fault == .referencedBeforeReading
    switch me.place {
    case .readTable:
      let value = world.table[cache][Int(range.lowerBound)]
      if value == 0 { return false }
      me.slot = value - 1
      me.place = isEarly ? .takeReference : .readWord
    case .readWord:
      me.generation = world.slots[slot].generation
      me.place = .readFields
    case .readFields:
      let isServed = serves(range, adapter: adapter, cache: cache)
      if isEarly, !isServed { return try giveBackEarlyReference(cache) }
      if !isServed { return false }
      me.place = isEarly ? .readKey : .takeReference
    default:
      let record = world.slots[slot]
      guard record.isIn(.live), isEarly || record.generation == me.generation else { return false }
      world.slots[slot].references += 1
      holdReference()
      me.place = isEarly ? .readFields : .readKey
    }
    return true
  }

  /// With `referencedBeforeReading`: the record was not what the lookup wanted.
  private mutating func giveBackEarlyReference(
    _ cache: Int
  ) throws(ProtocolViolation) -> Bool {
    world.slots[slot].references -= 1
    guard world.slots[slot].references == 0, world.slots[slot].isIn(.superseded) else {
      return false
    }
    world.slots[slot].state = RegionState.dying.rawValue
    try beginTearDown(slot, in: cache, then: .done)
    return true
  }

  private func serves(_ range: Range<UInt8>, adapter: Int, cache: Int) -> Bool {
    let record = world.slots[slot]
    let isAtAdapter = record.mask >> UInt8(adapter) & 1 == 1
    if fault == .lookupWithoutBounds { return isAtAdapter }
    return isAtAdapter && record.contains(range) && Int(record.cache) == cache
  }

  mutating func holdReference() {
    me.life = world.slots[slot].life
  }

  private func checkReference() throws(ProtocolViolation) {
    let record = world.slots[slot]
    if record.life != me.life || record.isIn(.free) { throw .freedWhileReferenced }
    if record.references == 0 { throw .moreReleasesThanReferences }
  }

  private mutating func transfer(
    _ range: Range<UInt8>, adapter: Int
  ) throws(ProtocolViolation) {
    let entry = slot * ProtocolWorld.adapters + adapter
    switch me.place {
    case .readKey:
      try checkReference()
      let record = world.slots[slot]
      let isUsable = record.isIn(.live) || record.isIn(.superseded)
      me.key = record.keys[adapter]
      me.place = isUsable && record.mask >> UInt8(adapter) & 1 == 1 ? .enterGate : .release
    case .enterGate:
      let gate = world.gates[entry]
      guard gate.isOpen, gate.generation == me.key else { return go(.release) }
      world.gates[entry].users += 1
      try checkPages(range, isLate: false)
      me.place = .transfer
    case .transfer:
      try checkPages(range, isLate: world.isLate)
      me.place = .leaveGate
    default:
      world.gates[entry].users -= 1
      me.place = .release
    }
  }

  /// A transfer that was let in before the mapping changed may be inside when a change has waited for
  /// it in vain: its pages must still be pinned, and its record its own.
  private func checkPages(_ range: Range<UInt8>, isLate: Bool) throws(ProtocolViolation) {
    let record = world.slots[slot]
    if record.life != me.life { throw .freedWhileReferenced }
    for page in range {
      if !record.isPinned || !record.covers(page) { throw .staleUse }
      let isMapped = record.pinned[Int(page)] == world.mappings[Int(page)]
      if !isMapped, !isLate { throw .staleUse }
    }
  }

  /// A peer without a reference: all it has is the key that it was given.
  mutating func transferAsPeer(
    _ range: Range<UInt8>, adapter: Int, stops: Bool
  ) throws(ProtocolViolation) -> Bool {
    switch me.place {
    case .readGrant:
      let value = world.table[0][Int(range.lowerBound)]
      guard value != 0 else { return finishing() }
      me.slot = value - 1
      let record = world.slots[slot]
      guard record.isIn(.live), record.contains(range), record.mask >> UInt8(adapter) & 1 == 1
      else { return finishing() }
      me.key = record.keys[adapter]
      me.life = record.life
      me.place = .enterGate
    case .stopped: return false
    default:
      try transfer(range, adapter: adapter)
      if stops, me.place == .transfer { me.place = .stopped }
      if me.place == .release { finish() }
    }
    return true
  }

  private mutating func finishing() -> Bool {
    finish()
    return true
  }

  /// The child owns nothing: there is no record in which it could find a key, or a count that it
  /// could lower.
  mutating func useAsChild(
    _ range: Range<UInt8>, adapter: Int
  ) throws(ProtocolViolation) -> Bool {
    if me.place == .awaitFork {
      guard let inherited = world.inherited else {
        // The parent has missed, and does not fork.
        return world.threads[0].place == .done ? finishing() : false
      }
      if fault != .childSharesRecords { return finishing() }
      (me.slot, me.life) = (inherited.slot, inherited.life)
      me.place = .readKey
      return true
    }
    if me.place == .release {
      try release(in: 0)
    } else if [.readKey, .enterGate, .transfer, .leaveGate].contains(me.place) {
      try transfer(range, adapter: adapter)
    } else {
      return try tearDown(in: 0)
    }
    return true
  }

  private mutating func release(in cache: Int) throws(ProtocolViolation) {
    try checkReference()
    world.slots[slot].references -= 1
    let record = world.slots[slot]
    if record.references > 0 { return finish() }
    if record.isIn(.superseded) {
      world.slots[slot].state = RegionState.dying.rawValue
      return try beginTearDown(slot, in: cache, then: .done)
    }
    let isFreed = fault == .quarantineFreedByRelease && record.isIn(.quarantined)
    guard record.isIn(.dead) || isFreed else { return finish() }
    freeWord(slot)
    me.victim = me.slot
    me.afterTearDown = .done
    me.place = .giveBack
  }
}
