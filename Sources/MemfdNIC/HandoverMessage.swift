/// What the two processes say to each other when a connection is handed over: 64 bytes.
struct HandoverMessage: BitwiseCopyable {
  enum Kind: UInt32 {
    /// From the old process, with six descriptors: the connection's socket, the reading end of the
    /// pipe from the peer, the writing end of the pipe to it, the own access table, the peer's, and
    /// the messages that have arrived.
    case offer = 1
    /// From the new process: everything is in place there.
    case take
    /// From the old process: it has let go, and has told the peer.
    case given
  }

  /// A `Kind` raw value.
  var kind: UInt32 = 0
  var version: UInt32 = 0
  /// The ends' random numbers for the connection.
  var connection: UInt64 = 0
  var peerConnection: UInt64 = 0
  /// 1 + the number of the peer's last write that is still to be acknowledged; 0: none.
  var acknowledgement: UInt64 = 0
  var peerPID: Int32 = 0
  var localAddress: UInt32 = 0
  var remoteAddress: UInt32 = 0
  var localPort: UInt16 = 0
  var remotePort: UInt16 = 0
  var reserved: (UInt64, UInt64) = (0, 0)

  init(_ kind: Kind) {
    self.kind = kind.rawValue
    version = UInt32(WireMessage.version)
  }

  /// A message to receive into.
  init() {}

  var endpoints: ConnectionEndpoints {
    ConnectionEndpoints(
      localAddress: IPv4Address(rawValue: localAddress), localPort: localPort,
      remoteAddress: IPv4Address(rawValue: remoteAddress), remotePort: remotePort)
  }

  /// Whether it is a message of the kind, in the version that this process speaks.
  func `is`(_ kind: Kind) -> Bool {
    self.kind == kind.rawValue && version == UInt32(WireMessage.version)
  }

  static let byteCount = 64
  static let descriptorCount = 6
}
