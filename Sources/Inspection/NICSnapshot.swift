/// An adapter that a process has opened, as it was published at one moment.
package struct NICSnapshot: Hashable, Sendable {
  package var index: Int
  package var name: String
  /// The first byte of the address is in the highest bits.
  package var address: UInt32
  package var prefixLength: UInt32
  package var provider: UInt32
  package var registrations: UInt64
  package var queuePairs: UInt64
  package var sends: UInt64
  package var receives: UInt64
  package var rdmaWrites: UInt64
  package var rdmaReads: UInt64
  package var bytesOut: UInt64
  package var bytesIn: UInt64
  package var errors: UInt64
  package var protectionErrors: UInt64
  package var maximumRegistrations: UInt64
  package var maximumQueuePairs: UInt64
}
