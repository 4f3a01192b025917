import SocketsSwitch

/// What a session knows; guarded by its lock.
struct SessionState {
  /// A receive that is posted.
  struct Posted {
    let slot: Int
    let transfer: Transfer
  }

  /// The end of the session, for both directions.
  var failure: StreamError?
  /// Why nothing can be sent any more; what has arrived can still be received.
  var sendFailure: StreamError?
  /// Whether a thread waits for the next message: it is the one that wakes the others.
  var isPolling = false

  // Sending.

  /// What the peer's hello said; nil until it has come.
  var peer: PeerLimits?
  /// Messages with data that the peer has room for.
  var credits = 0
  var isFinished = false
  var dataSends: SendRing
  var controlSends = SendRing(count: Limits.controlSendCount)
  var offer: OutgoingOffer?
  var lastNumber: UInt32 = 0

  // Receiving.

  /// In the order in which they complete.
  var posted: [Posted] = []
  var incoming: [IncomingData] = []
  var round: ReceivingRound?
  /// Credits that the peer is to be given back, and those that it has.
  var owed = 0
  var peerCredits: Int
  var isPeerFinished = false

  init(_ options: StreamOptions) {
    dataSends = SendRing(count: options.receiveCount)
    peerCredits = options.receiveCount
  }

  enum Direction {
    case sending
    case receiving
  }

  /// Why no more can be done in that direction.
  func failure(_ direction: Direction) -> StreamError? {
    direction == .sending ? sendFailure ?? failure : failure
  }

  /// Takes bytes off the large transfer that is under way: they came, or never will.
  mutating func arrived(_ count: Int) {
    let last = incoming.count - 1
    incoming[last].remaining -= count
    if incoming[last].remaining == 0, incoming[last].slot == nil { incoming.removeLast() }
  }

  /// The credits that go with the next message.
  mutating func takeOwed() -> Int {
    defer {
      peerCredits += owed
      owed = 0
    }
    return owed
  }
}

/// What the peer's hello said.
struct PeerLimits {
  let receiveCount: Int
  let messageBytes: Int
}

/// A large transfer that this side has offered.
struct OutgoingOffer {
  let number: UInt32
  /// Of the round that the peer has asked for.
  var ready: Ready?
  /// Bytes that the peer was told to read, and how many of them it has read.
  var exposedBytes: Int?
  var doneBytes: Int?

  struct Ready {
    let length: Int
    /// Where to write to; nil where the peer reads.
    let target: RDMADescriptor?
  }
}

/// Data that have come, or that were offered.
struct IncomingData {
  /// The receive that holds the payload; nil once that was consumed.
  var slot: Int?
  /// The part of the receive that is still to be consumed.
  var payload: Range<Int>
  /// Of an offer; 0 for data.
  let number: UInt32
  /// Bytes that follow by RDMA.
  var remaining: Int
}

/// A round in which the receiver is ready.
struct ReceivingRound {
  let number: UInt32
  let length: Int
  /// Whether the peer writes.
  let isTarget: Bool
  var answer: Answer?

  enum Answer {
    case source(RDMADescriptor, offset: UInt32, length: Int)
    case written(length: Int)
    case withdrawn
  }
}
