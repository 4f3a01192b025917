import Inspection
import Testing

/// A few threads and what they do, after a thread that has prepared the ground.
struct ProtocolScenario: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var slots = 3
  var before: [ProtocolOperation] = []
  let threads: [[ProtocolOperation]]
}

/// Goes through every interleaving of the threads' steps: depth first, each state once.
struct ProtocolExplorer {
  struct Result {
    var states = 0
    /// The first violation that was found, and the steps that led to it.
    var violation: ProtocolViolation?
    var history: [String] = []
  }

  private struct Frame {
    let world: ProtocolWorld
    var nextThread = 0
    var hasSuccessor = false
  }

  let scenario: ProtocolScenario
  let fault: ProtocolFault?

  func run() -> Result {
    var result = Result()
    var stack: [Frame] = []
    do {
      stack.append(Frame(world: try prepared()))
      var seen: Set<ProtocolWorld> = [stack[0].world]
      while let frame = stack.last {
        guard let next = try advance(&stack[stack.count - 1]) else {
          if !frame.hasSuccessor, !stack[stack.count - 1].hasSuccessor { try checkEnd(frame.world) }
          stack.removeLast()
          continue
        }
        if seen.insert(next).inserted { stack.append(Frame(world: next)) }
      }
      result.states = seen.count
    } catch {
      result.violation = error
      result.history = stack.map { frame in
        let thread = frame.nextThread - 1
        return thread < 0 ? "end" : "\(thread) \(frame.world.threads[thread].place)"
      }
    }
    return result
  }

  /// The world after the preparations, which one thread made alone.
  private func prepared() throws(ProtocolViolation) -> ProtocolWorld {
    var world = ProtocolWorld(slots: scenario.slots, threads: 1)
    while let next = try step(world, 0, scenario.before) { world = next }
    world.threads = scenario.threads.map { _ in ProtocolThread() }
    return world
  }

  /// The world after a step of the frame's next thread that can take one.
  private func advance(_ frame: inout Frame) throws(ProtocolViolation) -> ProtocolWorld? {
    while frame.nextThread < scenario.threads.count {
      let thread = frame.nextThread
      frame.nextThread += 1
      if let next = try step(frame.world, thread, scenario.threads[thread]) {
        frame.hasSuccessor = true
        return next
      }
    }
    return nil
  }

  private func step(
    _ world: ProtocolWorld, _ thread: Int, _ program: [ProtocolOperation]
  ) throws(ProtocolViolation) -> ProtocolWorld? {
    var step = ProtocolStep(world: world, thread: thread, program: program, fault: fault)
    return try step.run() ? step.world : nil
  }

  /// Nobody can take a step: everything must be done, and nothing left over but cached regions.
  private func checkEnd(_ world: ProtocolWorld) throws(ProtocolViolation) {
    for (thread, program) in zip(world.threads, scenario.threads)
    where Int(thread.operation) < program.count && thread.place != .stopped { throw .deadlock }
    for slot in world.slots.indices {
      let record = world.slots[slot]
      let isFree = world.free >> UInt8(slot) & 1 == 1
      if record.isIn(.quarantined) {
        try checkQuarantined(slot, world)
        continue
      }
      if !record.isIn(.live) && !record.isIn(.free) { throw .leak("record") }
      if record.isIn(.free) != isFree { throw .leak("free record") }
      if record.references != 0 { throw .leak("reference") }
      if record.isPinned != record.isIn(.live) { throw .leak("pin") }
      if (record.secured[1] != 0) != record.isIn(.live) { throw .leak("secured region") }
      for adapter in 0..<ProtocolWorld.adapters {
        let isRegistered = record.isIn(.live) && record.mask >> UInt8(adapter) & 1 == 1
        let gate = world.gate(slot, adapter)
        if gate.isOpen != isRegistered || gate.users != 0 { throw .leak("key") }
      }
    }
    for slot in world.slots.indices where !world.slots[slot].isIn(.quarantined) {
      for cache in 0..<ProtocolWorld.caches where world.isUnsettled(slot, cache) {
        throw .leak("unsettled record")
      }
    }
    try checkTables(world)
  }

  /// What could not be released is pinned, closed, and still known to its cache.
  private func checkQuarantined(
    _ slot: Int, _ world: ProtocolWorld
  ) throws(ProtocolViolation) {
    let record = world.slots[slot]
    if !record.isPinned { throw .staleUse }
    if record.secured[1] != 0 { throw .leak("secured region") }
    if !world.isUnsettled(slot, Int(record.cache)) { throw .leak("quarantined record") }
    for adapter in 0..<ProtocolWorld.adapters where world.gate(slot, adapter).isOpen {
      throw .leak("key")
    }
  }

  private func checkTables(_ world: ProtocolWorld) throws(ProtocolViolation) {
    for cache in 0..<ProtocolWorld.caches {
      for page in 0..<ProtocolWorld.pages {
        let value = world.table[cache][page]
        if value == 0 { continue }
        let record = world.slots[Int(value) - 1]
        let isRight =
          record.isIn(.live) && record.covers(UInt8(page)) && Int(record.cache) == cache
        if !isRight { throw .leak("entry of the page table") }
      }
    }
  }
}
