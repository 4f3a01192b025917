import Inspection

/// The miss.
extension ProtocolStep {
  mutating func register(
    _ range: Range<UInt8>, adapter: Int, cache: Int
  ) throws(ProtocolViolation) -> Bool {
    switch me.place {
    case .waitToPlan:
      if !me.isWoken { return false }
      me.place = .plan
    case .plan:
      if isLocked(cache) { return false }
      plan(range, adapter: adapter, cache: cache)
    case .supersede, .clearReplaced, .writeFields, .publish: begin(cache)
    case .goLive, .abandon:
      if isLocked(cache) { return false }
      if me.place == .goLive { goLive(adapter, cache) } else { try abandon(cache) }
    case .tearDownReplaced:
      if isLocked(cache) { return false }
      try tearDownReplaced(cache)
    default: fill()
    }
    return true
  }

  private mutating func plan(_ range: Range<UInt8>, adapter: Int, cache: Int) {
    me.isWoken = false
    var union = range
    for page in range where world.table[cache][Int(page)] != 0 {
      let found = Int(world.table[cache][Int(page)]) - 1
      let record = world.slots[found]
      guard record.isIn(.live) else { return go(.waitToPlan) }
      if record.contains(range) {
        me.slot = UInt8(found)
        addAdapter(adapter)
        world.slots[found].references += 1
        holdReference()
        return go(.readKey)
      }
      union = min(union.lowerBound, record.start)..<max(union.upperBound, record.end)
    }
    if world.firstUnsettled(range, cache, .dying, .registering) != nil { return go(.waitToPlan) }
    // No room: the code evicts, or fails.
    if world.free == 0 { return finish() }
    lock(cache)
    me.slot = UInt8(world.free.trailingZeroBitCount)
    world.free &= ~(1 << me.slot)
    (me.start, me.end) = (union.lowerBound, union.upperBound)
    let isLate = fault == .securedAfterPinning || fault == .securedAfterReplacing
    me.place = isLate ? .supersede : .secure
  }

  private mutating func addAdapter(_ adapter: Int) {
    if world.slots[slot].mask >> UInt8(adapter) & 1 == 1 { return }
    let entry = slot * ProtocolWorld.adapters + adapter
    world.gates[entry].generation += 1
    world.gates[entry].isOpen = true
    world.slots[slot].keys[adapter] = world.gates[entry].generation
    world.slots[slot].mask |= 1 << UInt8(adapter)
  }

  /// Under the lock, with readers that do not take it.
  private mutating func begin(_ cache: Int) {
    switch me.place {
    case .supersede:
      guard let replaced = world.firstInTable(me.union, cache) else { return go(.writeFields) }
      world.slots[replaced].state = RegionState.superseded.rawValue
      me.victim = UInt8(replaced)
      world.push(replaced, cache)
      me.place = .clearReplaced
    case .clearReplaced:
      world.clearTable(victim, cache)
      me.place = .supersede
    case .writeFields:
      let old = world.slots[slot]
      var record = ProtocolWorld.Slot()
      (record.state, record.generation) = (old.state, old.generation)
      (record.start, record.end, record.cache) = (me.start, me.end, UInt8(cache))
      record.secured = old.secured
      record.life = old.life + 1
      world.slots[slot] = record
      me.place = .publish
    default:
      world.slots[slot].state = RegionState.registering.rawValue
      world.slots[slot].references = 1
      for page in me.union { world.table[cache][Int(page)] = me.slot + 1 }
      world.push(slot, cache)
      unlock(cache)
      me.place = fault == .securedAfterReplacing ? .secure : .tearDownReplaced
    }
  }

  private mutating func tearDownReplaced(_ cache: Int) throws(ProtocolViolation) {
    let replaced = world.slots.indices.first { slot in
      let record = world.slots[slot]
      return world.isUnsettled(slot, cache) && record.overlaps(me.union)
        && record.isIn(.superseded) && record.references == 0
    }
    if let replaced {
      world.slots[replaced].state = RegionState.dying.rawValue
      return try beginTearDown(replaced, in: cache, then: .tearDownReplaced)
    }
    me.place = .pin
  }

  private mutating func fill() {
    if me.place == .secure {
      world.slots[slot].secured = SIMD2(me.start, me.end)
      me.place =
        switch fault {
        case .securedAfterPinning: .goLive
        case .securedAfterReplacing: .tearDownReplaced
        default: .supersede
        }
      return
    }
    // The kernel takes a page that a child shares out of the sharing before it pins it.
    if fault != .pinKeepsSharing { for page in me.union { world.write(page, byChild: false) } }
    world.slots[slot].isPinned = true
    for page in me.union { world.slots[slot].pinned[Int(page)] = world.mappings[Int(page)] }
    me.place = fault == .securedAfterPinning ? .secure : .goLive
  }

  private mutating func goLive(_ adapter: Int, _ cache: Int) {
    guard world.slots[slot].isIn(.registering) else { return go(.abandon) }
    addAdapter(adapter)
    world.unsettled[cache] &= ~(1 << me.slot)
    world.slots[slot].state = RegionState.live.rawValue
    world.wakeWaiters()
    holdReference()
    me.place = .readKey
  }

  private mutating func abandon(_ cache: Int) throws(ProtocolViolation) {
    world.clearTable(slot, cache)
    world.slots[slot].references -= 1
    world.slots[slot].state = RegionState.dying.rawValue
    try beginTearDown(slot, in: cache, then: .plan)
  }
}
