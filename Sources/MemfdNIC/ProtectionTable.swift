// Hook context: `deregister` and what it calls. No allocation; the one lock is a HookSafeLock.

import CLinuxMemory
import Glibc
import VirtualMemory

/// The registrations of an adapter.
///
/// The memory is set aside at the start and never given back while the adapter exists, so that a
/// stale key finds a word to compare with. PROTOCOL.md says who may do what.
final class ProtectionTable: @unchecked Sendable {
  private let memory: UnsafeMutableRawPointer
  private let entries: UnsafeMutableRawPointer
  private let lock: HookSafeLock
  /// The list of free entries, oldest first, so that a key comes back as late as possible.
  private let firstFree: UnsafeMutablePointer<UInt32>
  private let lastFree: UnsafeMutablePointer<UInt32>
  /// Registrations that exist.
  private let count: UnsafeMutablePointer<UInt32>

  private static let headerBytes = 4096
  private static let memoryBytes =
    headerBytes + Limits.maximumRegistrations * ProtectionEntry.stride

  init() throws(MemfdNICError) {
    guard let memory = CLinuxMemory_reserve(Self.memoryBytes) else { throw .exhausted }
    self.memory = memory
    entries = memory + Self.headerBytes
    lock = HookSafeLock(at: memory)
    firstFree = (memory + 64).bindMemory(to: UInt32.self, capacity: 1)
    lastFree = (memory + 68).bindMemory(to: UInt32.self, capacity: 1)
    count = (memory + 72).bindMemory(to: UInt32.self, capacity: 1)
    neverUsed = (memory + 76).bindMemory(to: UInt32.self, capacity: 1)
    warmUp()
  }

  /// Entries from here on have never been used and are on no list, so that their pages need not
  /// be touched before.
  private let neverUsed: UnsafeMutablePointer<UInt32>

  deinit {
    munmap(memory, Self.memoryBytes)
  }

  private func entry(_ index: Int) -> ProtectionEntry {
    ProtectionEntry(base: entries + index * ProtectionEntry.stride)
  }

  // MARK: Registering

  /// Takes an entry and opens it, or nil where there is none.
  func register(_ range: AddressRange, backing: RegionBacking) -> RegistrationKey? {
    lock.withLock { () -> RegistrationKey? in
      guard let index = takeFree() else { return nil }
      let entry = entry(index)
      entry.range = range
      entry.firstExposure = 0
      switch backing {
      case .pinned(let slot):
        entry.descriptor = -1
        entry.pin = slot
      case .mapped(let alias, let descriptor, let offset):
        entry.descriptor = descriptor
        entry.alias = alias
        entry.offset = offset
      }
      count.pointee += 1
      entry.gate.open(generation: entry.generation)
      return RegistrationKey(rawValue: entry.generation << 16 | UInt32(index))
    }
  }

  private func takeFree() -> Int? {
    if neverUsed.pointee < UInt32(Limits.maximumRegistrations) {
      let index = Int(neverUsed.pointee)
      neverUsed.pointee += 1
      entry(index).generation = 1
      return index
    }
    if firstFree.pointee == 0 { return nil }
    let index = Int(firstFree.pointee) - 1
    firstFree.pointee = entry(index).nextFree
    if firstFree.pointee == 0 { lastFree.pointee = 0 }
    return index
  }

  private func giveBack(_ index: Int) {
    let entry = entry(index)
    let next = (entry.generation + 1) & 0xFFFF
    entry.generation = next == 0 ? 1 : next
    entry.nextFree = 0
    if lastFree.pointee == 0 {
      firstFree.pointee = UInt32(index) + 1
    } else {
      self.entry(Int(lastFree.pointee) - 1).nextFree = UInt32(index) + 1
    }
    lastFree.pointee = UInt32(index) + 1
    count.pointee -= 1
  }

  // MARK: Using

  /// Enters a registration; `leave` must follow. Nil where the key names none that is open.
  func enter(_ key: RegistrationKey) -> ProtectionEntry? {
    let entry = entry(key.index)
    return entry.gate.enter(generation: key.generation) ? entry : nil
  }

  func leave(_ key: RegistrationKey) {
    entry(key.index).gate.leave()
  }

  /// The entry of a registration that the caller has entered.
  func entryInside(_ key: RegistrationKey) -> ProtectionEntry { entry(key.index) }

  /// Whether the key names an open registration that contains the range.
  func check(_ range: AddressRange, in key: RegistrationKey) throws(MemfdNICError) {
    guard let entry = enter(key) else { throw .invalidKey }
    defer { leave(key) }
    if !entry.range.contains(range) { throw .outOfBounds }
  }

  // MARK: Deregistering

  /// Closes a registration, and everything that connections expose of it; waits until no transfer
  /// is inside, at most until `deadline` (CLOCK_MONOTONIC, nanoseconds); frees the entry.
  ///
  /// False where somebody was still inside at the deadline: the registration stays closed, and the
  /// call can be repeated. False, too, where the key names no registration.
  func deregister(_ key: RegistrationKey, deadline: UInt64) -> Bool {
    let entry = entry(key.index)
    // The closures return nothing: a generic result would need metadata, which is allocated.
    var isClosed = false
    lock.withLock {
      // A free entry's gate keeps the generation of its last use.
      isClosed =
        entry.gate.close(generation: key.generation) && entry.generation == key.generation
      if isClosed { closeExposures(of: entry) }
    }
    if !isClosed { return false }
    while true {
      var occupied = entry.gate
      var isFree = false
      lock.withLock { isFree = free(key, unless: &occupied) }
      if isFree { return true }
      let now = CLinuxMemory_monotonic()
      if now >= deadline { return false }
      occupied.waitUntilEmpty(nanoseconds: min(deadline - now, Limits.pollNanoseconds))
    }
  }

  /// Frees a closed entry, unless somebody is inside: then `occupied` becomes the gate. Under the
  /// lock.
  private func free(_ key: RegistrationKey, unless occupied: inout Gate) -> Bool {
    let entry = entry(key.index)
    // Somebody else has deregistered it meanwhile.
    if entry.generation != key.generation { return true }
    if !entry.gate.isEmpty { return false }
    if let gate = gateWithPeerInside(of: entry) {
      occupied = gate
      return false
    }
    unlinkExposures(of: entry)
    giveBack(key.index)
    return true
  }

  /// Takes every way through `deregister` once, so that no first time is left for hook context.
  private func warmUp() {
    let page = AddressRange(start: 0, end: Page.size)
    let key = register(page, backing: .mapped(alias: 0, descriptor: 0, offset: 0))
    guard let key, enter(key) != nil else { preconditionFailure("a new table has room") }
    let isStuck = !deregister(key, deadline: CLinuxMemory_monotonic() + 1_000)
    leave(key)
    let isFree = deregister(key, deadline: .max)
    precondition(isStuck && isFree, "a new table works")
  }

  private func closeExposures(of entry: ProtectionEntry) {
    var exposure = Exposure(address: entry.firstExposure)
    while let current = exposure {
      current.gate.close(generation: current.nonce)
      exposure = Exposure(address: current.next)
    }
  }

  private func gateWithPeerInside(of entry: ProtectionEntry) -> Gate? {
    var exposure = Exposure(address: entry.firstExposure)
    while let current = exposure {
      if current.hasPeerInside { return current.gate }
      exposure = Exposure(address: current.next)
    }
    return nil
  }

  private func unlinkExposures(of entry: ProtectionEntry) {
    while let first = Exposure(address: entry.firstExposure) { unlink(first) }
  }

  // MARK: Exposing

  /// Runs `body` while no exposure or registration can begin or end.
  func withLock<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try lock.withLock(body)
  }

  /// The entry of an open registration. Under the lock it stays what it is.
  func openEntry(_ key: RegistrationKey) -> ProtectionEntry? {
    let entry = entry(key.index)
    return entry.gate.isOpen(generation: key.generation) ? entry : nil
  }

  /// Puts an exposure on its registration's list. Under the lock.
  func link(_ exposure: Exposure) {
    let entry = entry(exposure.key.index)
    exposure.previous = 0
    exposure.next = entry.firstExposure
    Exposure(address: entry.firstExposure)?.previous = UInt(bitPattern: exposure.base)
    entry.firstExposure = UInt(bitPattern: exposure.base)
    exposure.isLinked = true
  }

  /// Takes an exposure off its registration's list, where it is on one. Under the lock.
  func unlink(_ exposure: Exposure) {
    if !exposure.isLinked { return }
    if let previous = Exposure(address: exposure.previous) {
      previous.next = exposure.next
    } else {
      entry(exposure.key.index).firstExposure = exposure.next
    }
    Exposure(address: exposure.next)?.previous = exposure.previous
    exposure.isLinked = false
  }

  /// Registrations that exist.
  var registrationCount: Int { lock.withLock { Int(count.pointee) } }
}
