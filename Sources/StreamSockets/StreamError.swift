public import SocketsSwitch

/// Why a stream, or a listener for streams, did not do something; whatever carries it.
public enum StreamError: Error, Hashable, Sendable {
  /// Nobody listens there, or who does has refused.
  case connectionRefused
  /// There is no way to that host.
  case hostUnreachable
  /// Another socket listens there.
  case addressInUse
  /// The address is not one of this host's.
  case addressNotAvailable
  /// It did not happen in the time that the caller gave.
  ///
  /// `byteCount` is how many bytes a send had sent by then; sending the rest later goes on with the
  /// stream, which is as good as before.
  case timedOut(byteCount: Int)
  /// The peer is gone, or has closed the stream abortively.
  case reset
  /// The stream or the listener was closed here.
  case closed
  /// Nothing can be sent any more after `finishSending()`.
  case finished
  /// A large transfer that both ends had begun came to a halt; the stream was closed abortively.
  case stalled
  /// The peer said what it must not; the stream was closed abortively.
  case protocolViolation(String)
  /// An option has a value that cannot be.
  case invalidOption(String)
  /// A provider, or the switch, could not do what was needed.
  case provider(SwitchError)
  /// The operating system could not; its error number.
  case system(operation: String, code: Int32)
}
