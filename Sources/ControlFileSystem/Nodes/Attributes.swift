/// What stat() shows of a node.
package struct Attributes: Hashable, Sendable {
  package var number: UInt64
  /// Type and permission bits.
  package var mode: UInt32
  package var user: UInt32
  package var group: UInt32
  package var size: UInt64
  /// CLOCK_REALTIME, nanoseconds.
  package var time: UInt64
  package var links: UInt32
  /// Seconds for which the kernel may keep this and the name.
  package var validSeconds: Double
}
