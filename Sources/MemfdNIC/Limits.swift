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
  /// Bytes of messages that wait for a receive to be posted, their lengths included.
  package static let backlogBytes = 1 << 20
  /// RDMA reads that a connection has under way, and requests of the peer that wait for an answer.
  package static let maximumOutstandingReads = 16
  package static let maximumResponses = 32
  /// Memory of the peer that a connection keeps mapped.
  package static let maximumAttachments = 64
  /// Bytes that a pipe is asked to hold: what an unprivileged process may ask for by default.
  package static let pipeBytes: Int32 = 1 << 20
  /// The most bytes moved into or out of pinned memory, or between mappings, before anything else
  /// is looked at.
  package static let chunkBytes = 512 << 10
  /// From this many bytes on, pages are put into a pipe by reference.
  package static let spliceBytes = 4_096
  /// Connections that the kernel keeps for a listener whose thread has not come to them yet.
  package static let listenBacklog: Int32 = 1_024
  /// Connections to a listener that have not said yet what they want.
  package static let maximumHalfOpen = 32
  /// The first of the ports that are chosen for connections and listeners; the last is 65535.
  package static let firstEphemeralPort: UInt16 = 49_152
  /// Processes that ask for a connection that is handed over, before the thread comes to them.
  static let handoverBacklog: Int32 = 8
  /// How long either process of a handover waits for the other's next message.
  static let handoverNanoseconds: UInt64 = 5_000_000_000
  /// How long `close` waits for the peer to leave mapped memory, in nanoseconds. What it does not
  /// leave in time stays closed and is looked at again later.
  static let closingNanoseconds: UInt64 = 50_000_000
  /// How long a wait for another process's word goes on before it is asked whether it lives.
  static let pollNanoseconds: UInt64 = 1_000_000
}
