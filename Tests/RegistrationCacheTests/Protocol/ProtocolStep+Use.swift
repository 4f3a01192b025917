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
    case .release: try release(in: cache)
    case .closeGate, .drainGate, .unpin, .unsecure, .settle, .giveBack:
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
      me.place = .transfer
    case .transfer:
      let record = world.slots[slot]
      for page in range
      where !record.isPinned || !record.covers(page)
        || record.pinned[Int(page)] != world.mappings[Int(page)]
      { throw .staleUse }
      me.place = .leaveGate
    default:
      world.gates[entry].users -= 1
      me.place = .release
    }
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
    guard record.isIn(.dead) else { return finish() }
    freeWord(slot)
    me.victim = me.slot
    me.afterTearDown = .done
    me.place = .giveBack
  }
}
