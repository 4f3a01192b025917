package enum SocketState: UInt32, Sendable {
  case free = 0
  case created, bound, listening, connecting, connected, disconnected, closed
  /// The connection belongs to another process now, or is offered to it.
  case handedOver
}
