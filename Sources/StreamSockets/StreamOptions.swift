/// How streams through providers are carried. A stream over TCP/IP has no use for it.
///
/// The two ends need not have the same.
public struct StreamOptions: Hashable, Sendable {
  /// More bytes than this in one `send` go by RDMA out of the caller's memory.
  public var rdmaThreshold: Int = Limits.rdmaThresholdBytes
  /// Messages that the peer may send before one of them has been read: 2 to 200.
  public var receiveCount: Int = Limits.receiveCount
  /// Bytes of a message, its header of 32 bytes included: 1024 to 65536, and no more than the
  /// provider can send at once.
  public var messageSize: Int = Limits.messageBytes
  /// Whether this end reads from the peer's memory where its provider can; otherwise the peer writes.
  public var usesRDMARead = true
  /// What the peer may take for its part of a large transfer once both ends are at it; after that
  /// the stream is closed, whatever time the caller gave.
  public var stallLimit = Limits.step

  public init() {}

  func check() throws(StreamError) {
    guard rdmaThreshold >= 0 else { throw .invalidOption("rdmaThreshold is 0 or more") }
    guard Limits.receiveCounts.contains(receiveCount) else {
      throw .invalidOption("receiveCount is \(text(Limits.receiveCounts))")
    }
    guard Limits.messageByteCounts.contains(messageSize) else {
      throw .invalidOption("messageSize is \(text(Limits.messageByteCounts))")
    }
  }

  private func text(_ range: ClosedRange<Int>) -> String {
    "\(range.lowerBound) to \(range.upperBound)"
  }
}
