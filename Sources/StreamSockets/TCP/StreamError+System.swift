import Glibc

extension StreamError {
  /// What an error number of the kernel means for a stream.
  init(operation: String, _ code: Int32) {
    switch code {
    case ECONNREFUSED: self = .connectionRefused
    case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN: self = .hostUnreachable
    case ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN: self = .reset
    case ETIMEDOUT: self = .timedOut(byteCount: 0)
    case EADDRINUSE: self = .addressInUse
    case EADDRNOTAVAIL: self = .addressNotAvailable
    default: self = .system(operation: operation, code: code)
    }
  }
}
