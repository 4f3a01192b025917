/// Names a registration of an adapter: an entry of its protection table, in one of its lives.
///
/// Never zero.
@frozen
package struct RegistrationKey: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt32

  @inlinable
  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Which entry of the table: bits 0-15; and in which of its lives: bits 16-31, never zero.
  @inlinable package var index: Int { Int(rawValue & 0xFFFF) }
  @inlinable package var generation: UInt32 { rawValue >> 16 }
}
