import CWinsockDirect

/// The network events of a socket: which are asked for, and which have happened (spec 5.4).
struct SocketEvents {
  /// What is signalled; opaque, and only ever given back to the upcalls.
  var event: WSAEVENT?
  var selected: LONG = 0
  var recorded: LONG = 0
  var connectError: INT = 0

  /// All that a SAN provider reports.
  static var supported: LONG { FD_ACCEPT | FD_CONNECT }

  /// Whether the event object has something to say.
  var isDue: Bool { event != nil && selected & recorded != 0 }

  /// Takes what has happened.
  mutating func take() -> WSANETWORKEVENTS {
    var result = WSANETWORKEVENTS()
    result.lNetworkEvents = recorded
    if recorded & FD_CONNECT != 0 {
      withUnsafeMutableBytes(of: &result.iErrorCode) {
        $0.storeBytes(
          of: connectError, toByteOffset: Int(FD_CONNECT_BIT) * MemoryLayout<INT>.stride,
          as: INT.self)
      }
    }
    recorded = 0
    return result
  }
}
