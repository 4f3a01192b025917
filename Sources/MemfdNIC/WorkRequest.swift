/// A posted request, as its queue keeps it.
struct WorkRequest {
  enum Kind: UInt8 { case send, receive, write, read }

  enum State: UInt8 {
    /// Nothing has been done about it.
    case posted
    /// An engine is at it.
    case transmitting
    /// Everything was sent; the peer's answer will end it.
    case outstanding
    /// Ended, but one before it has not.
    case done
  }

  var kind: Kind
  var state = State.posted
  var context: UInt64
  var segmentCount: Int
  /// Segments, from the first, whose registrations are entered.
  var enteredCount = 0
  /// Bytes of all segments.
  var total: UInt64
  /// Bytes that have been moved.
  var moved: UInt64 = 0
  /// Of the peer's memory: which, and where in it (write, read).
  var remote: RemoteDescriptor?
  var offset: UInt64 = 0
  /// How it ended, once it is done.
  var status = CompletionStatus.success
  var byteCount: UInt32 = 0

  init(
    _ kind: Kind, segments: UnsafeBufferPointer<LocalSegment>, remote: RemoteDescriptor? = nil,
    offset: UInt64 = 0, context: UInt64
  ) {
    self.kind = kind
    self.context = context
    self.remote = remote
    self.offset = offset
    segmentCount = segments.count
    total = segments.reduce(0) { $0 + UInt64($1.length) }
  }
}
