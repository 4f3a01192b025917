/// Why an adapter did not do what was asked of it, or why a connection ended.
package enum MemfdNICError: Error, Hashable, Sendable {
  /// A configuration text is wrong; the payload says what, in one line.
  case invalidConfiguration(String)
  /// Another error of the system, by its errno.
  case system(errno: Int32)
  /// A table of the adapter, or the memory for one, is full.
  case exhausted
  /// The port belongs to another listener or connection of this machine.
  case addressInUse
  /// Nobody listens at the address and port.
  case noListener
  /// The listener has no room for the request, or rejected it.
  case connectionRefused
  /// The peer closed the connection, or died.
  case connectionReset
  /// The connection was closed by this process.
  case aborted
  /// There is no process with the number.
  case noSuchProcess
  /// The peer belongs to another user.
  case notPermitted
  /// The peer sent what the protocol does not allow.
  case protocolViolation
  /// The peer tried to reach memory that it was not given, or was told that it had tried.
  case remoteAccessError
  /// Local memory of a request was not reachable by its key any more.
  case localProtectionError
  /// The queue pair is not connected.
  case notConnected
  /// The queue pair is already connected, connecting or closed.
  case invalidState
  /// As many requests are pending as the queue holds. Nothing was started.
  case queueFull
  /// More segments than one request can have.
  case tooManySegments
  /// A message longer than `Limits.maximumMessageBytes`, or a transfer longer than
  /// `Limits.maximumTransferBytes`.
  case messageTooLong
  /// The key names no registration of this adapter.
  case invalidKey
  /// Bytes outside the registration or the descriptor.
  case outOfBounds
  /// The descriptor does not allow this kind of access.
  case accessDenied
  /// The descriptor was altered, belongs to another connection, or is not in force any more.
  case invalidDescriptor
  /// A transfer of the peer is inside the memory.
  case inUse
  /// The memfd of a mapped backing is not sealed against shrinking.
  case unsealedMemory
}
