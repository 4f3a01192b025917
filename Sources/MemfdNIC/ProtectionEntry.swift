// Hook context: plain words only.

import VirtualMemory

/// A registration, as the adapter keeps it: a window on 64 bytes of the protection table.
///
/// Everything but the gate is written while nobody can be inside: between taking the entry from
/// the list of free ones and opening its gate. Whoever is inside may read it.
struct ProtectionEntry: RecordWindow {
  static let stride = 64
  let base: UnsafeMutableRawPointer

  var gate: Gate { Gate(base) }

  var range: AddressRange {
    get {
      AddressRange(start: load(8), end: load(16))
    }
    nonmutating set {
      store(newValue.start, 8)
      store(newValue.end, 16)
    }
  }

  /// The memfd of a mapped backing; -1: the backing is pinned.
  var descriptor: Int32 {
    get { load(24) }
    nonmutating set { store(newValue, 24) }
  }
  var isMapped: Bool { descriptor >= 0 }

  /// Where the registration's first byte lies in the alias mapping, and in the memfd.
  var alias: UInt {
    get { load(32) }
    nonmutating set { store(newValue, 32) }
  }
  var offset: UInt64 {
    get { load(40) }
    nonmutating set { store(newValue, 40) }
  }

  /// The pin of a pinned backing.
  var pin: PinSlot {
    get { PinSlot(rawValue: load(32)) }
    nonmutating set { store(newValue.rawValue, 32) }
  }

  /// The first exposure of the registration, 0 for none. Under the table's lock.
  var firstExposure: UInt {
    get { load(48) }
    nonmutating set { store(newValue, 48) }
  }

  /// 1 + the next free entry, 0 at the end. Under the table's lock.
  var nextFree: UInt32 {
    get { load(56) }
    nonmutating set { store(newValue, 56) }
  }

  /// The generation of the entry's present or next use, never zero. Under the table's lock.
  var generation: UInt32 {
    get { load(60) }
    nonmutating set { store(newValue, 60) }
  }

  /// The address in the alias mapping of what the application has at `address`.
  func aliasAddress(of address: UInt) -> UInt { alias &+ (address &- range.start) }
}
