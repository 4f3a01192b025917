import Inspection

/// Eviction, and the flush of what is quarantined.
extension ProtocolStep {
  mutating func evict(_ cache: Int) throws(ProtocolViolation) -> Bool {
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

  mutating func flush(_ cache: Int) throws(ProtocolViolation) -> Bool {
    if me.place != .pickQuarantined { return try tearDown(in: cache) }
    if isLocked(cache) { return false }
    let found = world.slots.indices.first { slot in
      world.isUnsettled(slot, cache) && world.slots[slot].isIn(.quarantined)
    }
    guard let found else {
      finish()
      return true
    }
    world.slots[found].state = RegionState.dying.rawValue
    try beginTearDown(found, in: cache, then: .done)
    return true
  }
}
