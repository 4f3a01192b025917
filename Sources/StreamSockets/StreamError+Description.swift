import Glibc
import SocketsSwitch

extension StreamError: CustomStringConvertible {
  /// One line.
  public var description: String {
    switch self {
    case .connectionRefused: "nobody listens there, or the connection was refused"
    case .hostUnreachable: "the host cannot be reached"
    case .addressInUse: "the address and port are in use"
    case .addressNotAvailable: "the address is neither this host's nor an adapter's"
    case .timedOut(0): "it did not complete in time"
    case .timedOut(let count): "it did not complete in time; \(count) bytes were sent"
    case .reset: "the peer is gone"
    case .closed: "the stream is closed"
    case .finished: "the stream was finished; nothing can be sent any more"
    case .stalled: "a transfer came to a halt in the middle, so the stream was closed"
    case .protocolViolation(let what):
      "the peer broke the protocol, so the stream was closed: \(what)"
    case .invalidOption(let what): what
    case .provider(let error): error.description
    case .system(let operation, let code):
      "\(operation) failed: \(strerror(code).map { String(cString: $0) } ?? "error \(code)")"
    }
  }
}
