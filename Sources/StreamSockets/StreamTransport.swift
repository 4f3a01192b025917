/// What carries a stream.
public enum StreamTransport: Hashable, Sendable, CustomStringConvertible {
  /// TCP/IP.
  case tcp
  /// The adapter of a provider, whose library has this path.
  case provider(String)

  public var description: String {
    switch self {
    case .tcp: "TCP/IP"
    case .provider(let path): path
    }
  }
}
