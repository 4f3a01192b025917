/// How much of everything an adapter and its queue pairs have.
package enum Limits {
  /// Adapters in a process.
  package static let maximumNICs = 8
  /// Registrations of an adapter.
  package static let maximumRegistrations = 65_536
  /// Queue pairs of an adapter.
  package static let maximumQueuePairs = 1_024
  /// Requests pending on the send queue, and on the receive queue, of a queue pair.
  package static let queueDepth = 256
  /// Segments of a request.
  package static let maximumSegments = 16
  /// Bytes of a message.
  package static let maximumMessageBytes = 65_536
  /// Bytes of an RDMA transfer.
  package static let maximumTransferBytes = 1 << 30
  /// Ranges that a connection can expose at a time.
  package static let maximumExposures = 1_024
}
