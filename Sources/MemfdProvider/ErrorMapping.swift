import CWinsockDirect
import Glibc
import MemfdNIC
import RegistrationCache

// The one place where the layers' typed errors become WSAE numbers.

extension SocketsError {
  /// A registration that the cache refused (spec 4.2).
  init(registering error: RegistrationCacheError) {
    switch error {
    case .invalidRange, .notMapped: self.init(WSAEFAULT)
    case .changing, .exhausted, .unavailable, .system: self.init(WSAENOBUFS)
    }
  }

  /// A request that the adapter did not start (spec 4.7).
  init(posting error: MemfdNICError) {
    switch error {
    case .queueFull, .exhausted: self.init(WSAENOBUFS)
    case .messageTooLong: self.init(WSAEMSGSIZE)
    case .tooManySegments, .outOfBounds, .accessDenied, .invalidDescriptor: self.init(WSAEINVAL)
    case .invalidKey, .localProtectionError: self.init(WSAEFAULT)
    case .notConnected, .invalidState: self.init(WSAENOTCONN)
    default: self.init(ended: error)
    }
  }

  /// A connection that is over.
  init(ended error: MemfdNICError) {
    switch error {
    case .connectionReset: self.init(WSAECONNRESET)
    case .system: self.init(WSAENETDOWN)
    default: self.init(WSAECONNABORTED)
    }
  }

  /// A connection that did not come about (spec 5.3). The switch tries TCP/IP after every answer
  /// but WSAECONNRESET, WSAECONNREFUSED and WSAEHOSTUNREACH; those are for what is certain.
  ///
  /// - Parameter isOurs: Whether the address is one of the provider's own. Where it is not, a host
  ///   without such a provider may have it, and TCP/IP may find somebody there.
  init(connecting error: MemfdNICError, isOurs: Bool) {
    switch error {
    case .connectionRefused: self.init(WSAECONNREFUSED)
    case .noListener: self.init(isOurs ? WSAECONNRESET : WSAETIMEDOUT)
    case .connectionReset: self.init(WSAECONNRESET)
    case .addressInUse: self.init(WSAEADDRINUSE)
    case .exhausted: self.init(WSAENOBUFS)
    default: self.init(WSAETIMEDOUT)
    }
  }

  /// A listener that could not be opened. WSAEADDRINUSE is not among the answers of WSPListen
  /// (spec 5.4).
  init(listening error: MemfdNICError) {
    switch error {
    case .addressInUse, .exhausted: self.init(WSAENOBUFS)
    default: self.init(WSAENETDOWN)
    }
  }

  /// A connection request that could not be accepted.
  init(accepting error: MemfdNICError) {
    switch error {
    case .connectionReset, .aborted, .notConnected: self.init(WSAECONNRESET)
    case .exhausted: self.init(WSAENOBUFS)
    default: self.init(WSAENETDOWN)
    }
  }

  /// A connection that could not be handed over or taken over (spec 5.9).
  init(handingOver error: MemfdNICError) {
    switch error {
    case .exhausted: self.init(WSAENOBUFS)
    case .system(let number) where number == EMFILE || number == ENFILE: self.init(WSAEMFILE)
    case .system: self.init(WSAENETDOWN)
    default: self.init(WSAEINVAL)
    }
  }

  /// Memory that could not be shown to the peer.
  init(exposing error: MemfdNICError) {
    switch error {
    case .exhausted: self.init(WSAENOBUFS)
    case .notConnected, .invalidState: self.init(WSAENOTCONN)
    default: self.init(WSAEFAULT)
    }
  }
}

extension CompletionStatus {
  /// What an overlapped structure gets to see (spec 5.5; decision 6).
  var errorNumber: INT {
    switch self {
    case .success: 0
    case .aborted: WSA_OPERATION_ABORTED
    case .reset: WSAECONNRESET
    case .remoteAccessError: WSAECONNABORTED
    case .localProtectionError: WSAEFAULT
    case .messageTooLong: WSAEMSGSIZE
    }
  }
}
