/// Every bound of this module, in one place. What a user may want otherwise is in `StreamOptions`.
enum Limits {
  // Messages.

  /// More bytes than this are sent by RDMA; up to it they ride in messages.
  static let rdmaThresholdBytes = 32_768
  /// Messages with data that the peer may send before one of them has been read.
  static let receiveCount = 16
  /// Fewest and most of these; an offer takes two.
  static let receiveCounts = 2...200
  /// Bytes of a message, its header included.
  static let messageBytes = 16_384
  /// Fewest and most of these.
  static let messageByteCounts = 1_024...65_536
  /// Receives beyond those for data: for the messages that are never kept back (see PROTOCOL.md for
  /// why there are never more on their way).
  static let controlReceiveCount = 8
  /// Buffers to send such messages from; their sends may be known to have completed a little late.
  static let controlSendCount = 16
  /// Bytes of data that go along with the offer of a large transfer.
  static let pilotBytes = 4_096

  // RDMA.

  /// Bytes that are exposed at a time, and what is tried where so much cannot be pinned.
  static let exposureByteCounts = [64 << 20, 4 << 20, 512 << 10]
  /// Bytes of memory into which is received what the application's buffer is too small for.
  static let stagingBytes = 262_144
  /// Bytes of a descriptor that are taken from a peer, so that it fits in a message.
  static let descriptorBytes = 256

  // Time.

  /// What a provider is given to connect before TCP/IP is tried.
  static let companionConnect = Duration.seconds(5)
  /// What a peer is given for its first message.
  static let greeting = Duration.seconds(2)
  /// What a step of a large transfer may take once both sides are at it.
  static let step = Duration.seconds(10)
  /// What is waited when a stream closes until everything has left.
  static let linger = Duration.seconds(5)

  // Listening.

  /// Connections that wait to be accepted.
  static let backlog = 64
  /// Connections whose first message has not come.
  static let greetingCount = 32
  /// Ports tried where the choice was left to us and another socket has the same one at a provider.
  static let portAttempts = 16
}
