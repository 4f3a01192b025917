/// Names of the interface's error numbers, for people.
enum ErrorName {
  /// The number with its name and what it means, where it is one of the interface's.
  static func text(_ code: Int32) -> String {
    guard let (name, meaning) = known[code] else { return "error \(code)" }
    return "\(name) (\(meaning))"
  }

  private static let known: [Int32: (String, String)] = [
    6: ("WSA_INVALID_HANDLE", "no such event"),
    995: ("WSA_OPERATION_ABORTED", "the socket was closed"),
    996: ("WSA_IO_INCOMPLETE", "not complete yet"),
    10013: ("WSAEACCES", "access denied"),
    10014: ("WSAEFAULT", "the memory is not mapped, or not as the request needs it"),
    10022: ("WSAEINVAL", "an argument is invalid, or the memory is in use"),
    10024: ("WSAEMFILE", "no more sockets"),
    10035: ("WSAEWOULDBLOCK", "nothing there yet"),
    10038: ("WSAENOTSOCK", "no such socket"),
    10040: ("WSAEMSGSIZE", "the message is longer than the buffer"),
    10042: ("WSAENOPROTOOPT", "no such option"),
    10043: ("WSAEPROTONOSUPPORT", "no such protocol"),
    10044: ("WSAESOCKTNOSUPPORT", "no such socket type"),
    10045: ("WSAEOPNOTSUPP", "the provider does not offer it"),
    10047: ("WSAEAFNOSUPPORT", "no such address family"),
    10048: ("WSAEADDRINUSE", "the address is in use"),
    10049: ("WSAEADDRNOTAVAIL", "the address is not an adapter's"),
    10050: ("WSAENETDOWN", "the network is down"),
    10051: ("WSAENETUNREACH", "the network cannot be reached"),
    10053: ("WSAECONNABORTED", "the connection was aborted"),
    10054: ("WSAECONNRESET", "the peer is gone, or nobody listens there"),
    10055: ("WSAENOBUFS", "no resources: pinned memory, the adapter's table or a queue is full"),
    10056: ("WSAEISCONN", "already connected"),
    10057: ("WSAENOTCONN", "not connected"),
    10060: ("WSAETIMEDOUT", "no answer in time"),
    10061: ("WSAECONNREFUSED", "the peer refused"),
    10065: ("WSAEHOSTUNREACH", "the host cannot be reached"),
    10067: ("WSAEPROCLIM", "no more processes"),
    10091: ("WSASYSNOTREADY", "the transport is not ready"),
    10092: ("WSAVERNOTSUPPORTED", "the version is not supported"),
    10093: ("WSANOTINITIALISED", "not started"),
    10106: ("WSAEPROVIDERFAILEDINIT", "the provider failed to start"),
  ]
}
