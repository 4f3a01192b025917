// Hook context: plain words only.

import CMemfdNIC
import VirtualMemory

/// A range that one connection may reach: a window on 96 bytes of the connection's exposure table.
///
/// Everything but the gate is written under the protection table's lock while the gate is closed.
/// Whoever is inside the gate may read what describes the range.
struct Exposure: RecordWindow {
  static let stride = 96
  let base: UnsafeMutableRawPointer

  /// Where the gate is: in the access table that the peer shares for mapped memory, which it then
  /// enters itself; in this record for pinned memory.
  var gateAddress: UInt {
    get { load(8) }
    nonmutating set { store(newValue, 8) }
  }
  var ownGateAddress: UInt { UInt(bitPattern: base) }
  var gate: Gate {
    guard let address = UnsafeMutableRawPointer(bitPattern: gateAddress) else {
      preconditionFailure("an exposure without a gate")
    }
    return Gate(address)
  }

  var range: AddressRange {
    get { AddressRange(start: load(16), end: load(24)) }
    nonmutating set {
      store(newValue.start, 16)
      store(newValue.end, 24)
    }
  }
  var key: RegistrationKey {
    get { RegistrationKey(rawValue: load(32)) }
    nonmutating set { store(newValue.rawValue, 32) }
  }
  var nonce: UInt32 {
    get { load(36) }
    nonmutating set { store(newValue, 36) }
  }
  var access: MemoryAccess {
    get { MemoryAccess(rawValue: load(40)) }
    nonmutating set { store(newValue.rawValue, 40) }
  }
  var isMapped: Bool {
    get { load(41) as UInt8 != 0 }
    nonmutating set { store(newValue ? 1 : 0 as UInt8, 41) }
  }
  /// Whether the entry is handed out. Under the lock.
  var isTaken: Bool {
    get { load(42) as UInt8 != 0 }
    nonmutating set { store(newValue ? 1 : 0 as UInt8, 42) }
  }
  /// Whether it is on its registration's list. Under the lock.
  var isLinked: Bool {
    get { load(43) as UInt8 != 0 }
    nonmutating set { store(newValue ? 1 : 0 as UInt8, 43) }
  }
  /// The connection's socket, by which it is known whether the peer still lives. It stays open for
  /// as long as the exposure is linked.
  var socket: Int32 {
    get { load(44) }
    nonmutating set { store(newValue, 44) }
  }
  /// The neighbours on the registration's list, 0 at the ends. Under the lock.
  var next: UInt {
    get { load(48) }
    nonmutating set { store(newValue, 48) }
  }
  var previous: UInt {
    get { load(56) }
    nonmutating set { store(newValue, 56) }
  }
  /// 1 + the next free entry of the connection's table. Under the lock.
  var nextFree: UInt32 {
    get { load(64) }
    nonmutating set { store(newValue, 64) }
  }

  /// Whether the peer can be in the memory: what it says, unless it is gone.
  ///
  /// Only for mapped memory: into pinned memory this process moves the data itself, inside the
  /// registration's own gate.
  var hasPeerInside: Bool {
    isMapped && !gate.isEmpty && !CMemfdNIC_has_peer_ended(socket)
  }

  init(base: UnsafeMutableRawPointer) {
    self.base = base
  }

  /// The exposure at an address that a list holds; nil for 0.
  init?(address: UInt) {
    guard let base = UnsafeMutableRawPointer(bitPattern: address) else { return nil }
    self.base = base
  }
}
