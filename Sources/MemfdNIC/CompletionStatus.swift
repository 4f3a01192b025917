/// How a posted request ended.
@frozen
package enum CompletionStatus: UInt8, Sendable {
  case success
  /// This end closed the connection, or another request of this end broke it.
  case aborted
  /// The peer closed the connection, or died.
  case reset
  /// The peer refused the access: key, bounds, permission, or the memory is not exposed any more.
  case remoteAccessError
  /// A local registration was removed, or its memory was not there, before the transfer.
  case localProtectionError
  /// The message was longer than the posted receive; what fits was delivered, the rest is lost.
  case messageTooLong
}
