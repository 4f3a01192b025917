import CWinsockDirect

extension SwitchError {
  /// What an error number says of a connection, for whoever does not speak the interface.
  package enum Meaning {
    /// Nobody listens there, or the peer refused.
    case connectionRefused
    case hostUnreachable
    case addressInUse
    case addressNotAvailable
    /// The peer is gone, or the connection broke.
    case connectionLost
    /// Closed at this end.
    case closed
    /// There is no room now: pinned memory, a table or a queue is full.
    case noRoom
    /// The provider does not offer it.
    case notOffered
    case other
  }

  package var meaning: Meaning {
    if case .closed = self { return .closed }
    guard case .refused(let operation, let code) = self else { return .other }
    switch code {
    case WSAECONNRESET: return operation == .connect ? .connectionRefused : .connectionLost
    case WSAECONNREFUSED: return .connectionRefused
    case WSAEHOSTUNREACH: return .hostUnreachable
    case WSAEADDRINUSE: return .addressInUse
    case WSAEADDRNOTAVAIL: return .addressNotAvailable
    case WSAECONNABORTED, WSAENETRESET, WSAENOTCONN, WSAEDISCON: return .connectionLost
    case WSA_OPERATION_ABORTED, WSAENOTSOCK: return .closed
    case WSAENOBUFS: return .noRoom
    case WSAEOPNOTSUPP: return .notOffered
    default: return .other
    }
  }

  /// Whether a connection that failed so would certainly fail over TCP/IP, too (spec section 5.3):
  /// nobody listens there, the peer refused, or there is no such host. After anything else TCP/IP
  /// is tried.
  package var isFinal: Bool {
    guard case .refused(.connect, let code) = self else { return false }
    return [WSAECONNRESET, WSAECONNREFUSED, WSAEHOSTUNREACH].contains(code)
  }
}
