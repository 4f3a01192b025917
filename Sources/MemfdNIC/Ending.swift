/// Why a connection ends; the first reason counts.
enum Ending: UInt32, Sendable {
  case none = 0
  /// `close` was called.
  case closed
  /// The peer closed, or died.
  case reset
  /// The peer never accepted.
  case refused
  case remoteAccess
  case localProtection
  case protocolViolation
  /// No room: for the peer's messages, or for a mapping of its memory.
  case exhausted
  /// The socket is handed over to another process: the connection goes on there.
  case handedOver

  /// How the requests end that were pending.
  var status: CompletionStatus {
    switch self {
    case .closed, .localProtection: .aborted
    // Nothing is lost: what these receives did not get, the new process's will.
    case .handedOver: .success
    default: .reset
    }
  }

  /// What the handlers are told.
  var error: MemfdNICError {
    switch self {
    case .none, .closed, .handedOver: .aborted
    case .reset: .connectionReset
    case .refused: .connectionRefused
    case .remoteAccess: .remoteAccessError
    case .localProtection: .localProtectionError
    case .protocolViolation: .protocolViolation
    case .exhausted: .exhausted
    }
  }
}
