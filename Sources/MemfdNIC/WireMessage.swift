/// The header of a frame: 64 bytes, the same for every type; what a type has no use for is 0.
struct WireMessage: BitwiseCopyable {
  /// A `FrameType` raw value.
  var type: UInt32 = 0
  /// A `MemoryAccess` raw value (attached).
  var access: UInt32 = 0
  /// The requester's number of the request.
  var sequence: UInt64 = 0
  /// Which exposure (write, read, attach, attached); which process (moved).
  var slot: UInt32 = 0
  var nonce: UInt32 = 0
  /// Where in the exposure the request begins (write, read); in the memfd (attached).
  var offset: UInt64 = 0
  /// Bytes that this frame announces or carries.
  var length: UInt64 = 0
  /// Bytes of the whole request (write, read).
  var total: UInt64 = 0
  /// The sender's random number for the connection (hello, accept).
  var connection: UInt64 = 0
  /// The sender's address and port (hello), and `WireMessage.version` above the port.
  var address: UInt32 = 0
  var port: UInt16 = 0
  var version: UInt16 = 0

  init(_ type: FrameType, sequence: UInt64 = 0) {
    self.type = type.rawValue
    self.sequence = sequence
  }

  /// A header to receive into.
  init() {}

  /// Changes with every change of the protocol; both ends must have the same.
  static let version: UInt16 = 2
  static let byteCount = 64
}
