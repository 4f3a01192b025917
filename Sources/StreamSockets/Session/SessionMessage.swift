/// The header of a message, and how it lies in memory; see PROTOCOL.md.
struct SessionMessage {
  static let headerBytes = 32
  private static let magic: UInt32 = 0x4D53_4450
  private static let version: UInt8 = 1

  var kind: MessageKind
  var credits = 0
  var number: UInt32 = 0
  var payloadBytes = 0
  var descriptorBytes = 0
  var offset: UInt32 = 0
  var length = 0

  init(_ kind: MessageKind) {
    self.kind = kind
  }

  /// Bytes of the whole message.
  var byteCount: Int { Self.headerBytes + descriptorBytes + payloadBytes }

  /// Writes the header to the beginning of `buffer`.
  func write(to buffer: UnsafeMutableRawBufferPointer) {
    buffer.storeBytes(of: Self.magic.littleEndian, as: UInt32.self)
    buffer.storeBytes(of: Self.version, toByteOffset: 4, as: UInt8.self)
    buffer.storeBytes(of: kind.rawValue, toByteOffset: 5, as: UInt8.self)
    buffer.storeBytes(of: UInt16(credits).littleEndian, toByteOffset: 6, as: UInt16.self)
    buffer.storeBytes(of: number.littleEndian, toByteOffset: 8, as: UInt32.self)
    buffer.storeBytes(of: UInt32(payloadBytes).littleEndian, toByteOffset: 12, as: UInt32.self)
    buffer.storeBytes(of: UInt32(descriptorBytes).littleEndian, toByteOffset: 16, as: UInt32.self)
    buffer.storeBytes(of: offset.littleEndian, toByteOffset: 20, as: UInt32.self)
    buffer.storeBytes(of: UInt64(length).littleEndian, toByteOffset: 24, as: UInt64.self)
  }

  /// Reads a message that a peer has sent. Every field is read once.
  ///
  /// Throws `.protocolViolation` where it is no message, or has not the bytes that it says.
  init(parsing bytes: UnsafeRawBufferPointer) throws(StreamError) {
    func field<Number: FixedWidthInteger>(_ offset: Int, as type: Number.Type) -> Number {
      Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
    guard bytes.count >= Self.headerBytes else {
      throw .protocolViolation("a message of \(bytes.count) bytes")
    }
    guard field(0, as: UInt32.self) == Self.magic else {
      throw .protocolViolation("what comes is no stream's message")
    }
    let version = field(4, as: UInt8.self)
    guard version == Self.version else {
      throw .protocolViolation("version \(version) of the session protocol; this is 1")
    }
    let number = field(5, as: UInt8.self)
    guard let kind = MessageKind(rawValue: number) else {
      throw .protocolViolation("a message of the unknown kind \(number)")
    }
    self.kind = kind
    credits = Int(field(6, as: UInt16.self))
    self.number = field(8, as: UInt32.self)
    payloadBytes = Int(field(12, as: UInt32.self))
    descriptorBytes = Int(field(16, as: UInt32.self))
    offset = field(20, as: UInt32.self)
    let length = field(24, as: UInt64.self)
    guard let length = Int(exactly: length) else {
      throw .protocolViolation("a length of \(length) bytes")
    }
    self.length = length
    guard descriptorBytes <= Limits.descriptorBytes, byteCount == bytes.count else {
      throw .protocolViolation("a message that has not the length it says")
    }
  }
}
