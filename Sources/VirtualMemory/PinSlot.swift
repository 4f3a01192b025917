/// Where a pin is kept: a ring of the pin table and a run of its slots.
///
/// It is a plain word, so that it can be stored in published records; whoever stores it unpins it
/// exactly once.
package struct PinSlot: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// bit 63: a pin (so that 0 is none); bits 32-39: ring; bits 16-31: slots; bits 0-15: first slot.
  init(ring: Int, first: Int, count: Int) {
    rawValue = 1 << 63 | UInt64(ring) << 32 | UInt64(count) << 16 | UInt64(first)
  }

  var ring: Int { Int(rawValue >> 32 & 0xFF) }
  var count: Int { Int(rawValue >> 16 & 0xFFFF) }
  var first: Int { Int(rawValue & 0xFFFF) }
}
