package final class ConnectionRequest: @unchecked Sendable {
  package let peerAddress: IPv4Address
  package let peerPort: UInt16
  package let peerPID: Int32
  init() { preconditionFailure() }
  /// Accepts; when it returns the queue pair is connected (`established` is not called).
  package func accept(as queuePair: QueuePair) throws(MemfdNICError) { preconditionFailure() }
  package func reject() { preconditionFailure() }
}
