package enum SocketState: UInt32, Sendable {
  case free = 0
  case created, bound, listening, connecting, connected, disconnected, closed
}
