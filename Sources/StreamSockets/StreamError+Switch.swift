import SocketsSwitch

extension StreamError {
  /// What an error of the switch or a provider means for a stream.
  init(_ error: SwitchError) {
    switch error.meaning {
    case .connectionRefused: self = .connectionRefused
    case .hostUnreachable: self = .hostUnreachable
    case .addressInUse: self = .addressInUse
    case .addressNotAvailable: self = .addressNotAvailable
    case .connectionLost: self = .reset
    case .closed: self = .closed
    case .noRoom, .notOffered, .other:
      if case .timedOut = error { self = .timedOut(byteCount: 0) } else { self = .provider(error) }
    }
  }
}
