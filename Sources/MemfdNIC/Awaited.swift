// Until VirtualMemory has them (they are being written); this file goes then.
package final class PinTable: Sendable {}
package struct PinSlot: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
}
