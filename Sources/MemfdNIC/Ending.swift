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

  /// How the requests end that were pending.
  var status: CompletionStatus {
    switch self {
    case .closed, .localProtection: .aborted
    default: .reset
    }
  }

  /// What the handlers are told.
  var error: MemfdNICError {
    switch self {
    case .none, .closed: .aborted
    case .reset: .connectionReset
    case .refused: .connectionRefused
    case .remoteAccess: .remoteAccessError
    case .localProtection: .localProtectionError
    case .protocolViolation: .protocolViolation
    case .exhausted: .exhausted
    }
  }
}
