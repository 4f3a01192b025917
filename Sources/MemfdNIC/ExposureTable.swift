import CLinuxMemory
import CMemfdNIC
import Glibc
import VirtualMemory

/// What one connection may reach in this process's memory.
///
/// Records change only under the protection table's lock.
final class ExposureTable: @unchecked Sendable {
  /// The random number by which the peer's descriptors are known to be of this connection.
  let connection: UInt64
  private let access: AccessTable
  private let protection: ProtectionTable
  private let memory: UnsafeMutableRawPointer
  /// 1 + the first free entry. Under the lock, as `used`: entries that were ever taken.
  private var firstFree: UInt32 = 0
  private var used = 0

  private static let memoryBytes = Limits.maximumExposures * Exposure.stride

  /// For a connection that begins.
  convenience init(protection: ProtectionTable) throws(MemfdNICError) {
    try self.init(
      protection: protection, connection: CMemfdNIC_random(),
      access: AccessTable(AccessTable.makeMemory()))
  }

  /// For a connection that another process has begun: the peer has its table mapped already.
  init(
    protection: ProtectionTable, connection: UInt64, access: consuming AccessTable
  ) throws(MemfdNICError) {
    self.protection = protection
    self.connection = connection
    self.access = access
    guard let memory = CLinuxMemory_reserve(Self.memoryBytes) else { throw .exhausted }
    self.memory = memory
  }

  /// Every exposure has been taken off its registration's list before: see `releaseAll`.
  deinit {
    munmap(memory, Self.memoryBytes)
  }

  /// What is sent to the peer, which maps it.
  var accessDescriptor: Int32 { access.descriptor.number }

  /// Whether the peer can reach nothing.
  var isEmpty: Bool {
    protection.withLock { !(0..<used).contains { exposure($0).isTaken } }
  }

  private func exposure(_ slot: Int) -> Exposure {
    Exposure(base: memory + slot * Exposure.stride)
  }

  // MARK: The owner's side

  /// Lets the peer reach `range`, which lies in the registration `key`.
  func expose(
    _ range: AddressRange, key: RegistrationKey, access allowed: MemoryAccess, socket: Int32
  ) throws(MemfdNICError) -> RemoteDescriptor {
    let random = UInt32(truncatingIfNeeded: CMemfdNIC_random())
    return try protection.withLock { () throws(MemfdNICError) -> RemoteDescriptor in
      guard let entry = protection.openEntry(key) else { throw .invalidKey }
      if !entry.range.contains(range) { throw .outOfBounds }
      guard let slot = takeFree() else { throw .exhausted }
      let exposure = exposure(slot)
      // The number must differ from that of the slot's last use, and zero is nobody's.
      exposure.nonce = random == 0 || random == exposure.nonce ? exposure.nonce &+ 1 | 1 : random
      exposure.range = range
      exposure.key = key
      exposure.access = allowed
      exposure.isMapped = entry.isMapped
      exposure.socket = socket
      exposure.gateAddress =
        entry.isMapped
        ? UInt(bitPattern: access.gate(UInt32(slot)).address) : exposure.ownGateAddress
      protection.link(exposure)
      exposure.gate.open(generation: exposure.nonce)
      return describe(exposure, slot)
    }
  }

  /// Ends an exposure. Nothing changes where it throws.
  func conceal(_ descriptor: RemoteDescriptor) throws(MemfdNICError) {
    try protection.withLock { () throws(MemfdNICError) in
      let slot = Int(descriptor.slot)
      guard slot < used, exposure(slot).isTaken, describe(exposure(slot), slot) == descriptor else {
        throw .invalidDescriptor
      }
      let exposure = exposure(slot)
      if !exposure.gate.closeIfEmpty(generation: exposure.nonce) {
        if !exposure.isMapped || exposure.hasPeerInside { throw .inUse }
        exposure.gate.close(generation: exposure.nonce)
      }
      protection.unlink(exposure)
      giveBack(slot)
    }
  }

  private func describe(_ exposure: Exposure, _ slot: Int) -> RemoteDescriptor {
    RemoteDescriptor(
      slot: UInt32(slot), nonce: exposure.nonce, access: exposure.access.rawValue,
      isMapped: exposure.isMapped, length: UInt64(exposure.range.length), connection: connection)
  }

  private func takeFree() -> Int? {
    let slot: Int
    if firstFree != 0 {
      slot = Int(firstFree) - 1
      firstFree = exposure(slot).nextFree
    } else if used < Limits.maximumExposures {
      slot = used
      used += 1
    } else {
      return nil
    }
    exposure(slot).isTaken = true
    return slot
  }

  private func giveBack(_ slot: Int) {
    let exposure = exposure(slot)
    exposure.isTaken = false
    exposure.nextFree = firstFree
    firstFree = UInt32(slot) + 1
  }

  /// Closes every exposure: the peer can begin nothing any more.
  func closeAll() {
    protection.withLock {
      for slot in 0..<used where exposure(slot).isTaken {
        exposure(slot).gate.close(generation: exposure(slot).nonce)
      }
    }
  }

  /// Takes every exposure that the peer is not inside of off its registration's list.
  ///
  /// - Returns: The gate of one that it is inside of; nil where all are gone. Only then may the
  ///   socket be closed and the table go.
  func releaseAll() -> Gate? {
    protection.withLock { () -> Gate? in
      var occupied: Gate?
      for slot in 0..<used where exposure(slot).isTaken {
        if exposure(slot).isLinked, exposure(slot).hasPeerInside {
          occupied = exposure(slot).gate
        } else {
          protection.unlink(exposure(slot))
          giveBack(slot)
        }
      }
      return occupied
    }
  }

  // MARK: The engine's side, on behalf of the peer

  /// Enters an exposure of pinned memory for a transfer of the peer. `exposure.gate.leave()` must
  /// follow. Nil where the peer may not.
  func enter(
    slot: UInt32, nonce: UInt32, access wanted: MemoryAccess, offset: UInt64, length: UInt64
  ) -> Exposure? {
    if slot >= UInt32(Limits.maximumExposures) { return nil }
    let exposure = exposure(Int(slot))
    // A slot that is exposed as mapped has its own gate closed.
    guard Gate(exposure.base).enter(generation: nonce) else { return nil }
    let (end, overflow) = offset.addingReportingOverflow(length)
    if !exposure.isMapped, exposure.access.contains(wanted), !overflow,
      end <= UInt64(exposure.range.length)
    {
      return exposure
    }
    Gate(exposure.base).leave()
    return nil
  }

  /// What a peer that asks to map an exposure of mapped memory gets: a descriptor of the memfd,
  /// for reading only where it may only read, and the offset and length of the range in it.
  func offer(slot: UInt32, nonce: UInt32) -> AttachmentOffer? {
    if slot >= UInt32(Limits.maximumExposures) { return nil }
    let found = protection.withLock {
      () -> (RegistrationKey, AddressRange, MemoryAccess)? in
      let exposure = exposure(Int(slot))
      guard exposure.isTaken, exposure.isLinked, exposure.isMapped, exposure.nonce == nonce else {
        return nil
      }
      return (exposure.key, exposure.range, exposure.access)
    }
    guard let (key, range, allowed) = found, let entry = protection.enter(key) else { return nil }
    defer { protection.leave(key) }
    let number = CMemfdNIC_reopen_memory(entry.descriptor, allowed.contains(.write))
    if number < 0 { return nil }
    let offset = entry.offset + UInt64(range.start - entry.range.start)
    return AttachmentOffer(
      descriptor: Descriptor(number), offset: offset, length: UInt64(range.length),
      access: allowed)
  }
}
