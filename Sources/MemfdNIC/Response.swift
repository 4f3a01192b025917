/// What the peer asked for and the transmit thread is to answer.
struct Response: BitwiseCopyable {
  enum Kind: UInt8 { case read, attach }
  var kind = Kind.read
  var sequence: UInt64 = 0
  var slot: UInt32 = 0
  var nonce: UInt32 = 0
  var offset: UInt64 = 0
  var total: UInt64 = 0
}
