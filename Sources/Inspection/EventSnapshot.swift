package import VirtualMemory

/// One event of a process.
package struct EventSnapshot: Hashable, Sendable {
  /// Counts the events of the process from 0.
  package var number: UInt64
  /// CLOCK_REALTIME, nanoseconds.
  package var time: UInt64
  package var range: AddressRange?
  /// An `EventKind`, or a value that this version does not know.
  package var kind: UInt32
  package var detail: UInt32
  package var status: Int32
  package var provider: UInt32
  package var nic: UInt32
  package var socket: UInt32
  package var thread: UInt32
  package var duration: UInt64
}
