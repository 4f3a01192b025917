import CWinsockDirect

/// What WSPRegisterRdmaMemory gave.
struct Exposure {
  /// More than any descriptor needs that is to fit into a control message.
  static let ample = 192

  let error: INT
  /// *lpdwDescriptorLength afterwards.
  let length: Int
  let room: Int
  /// The room and what lies behind it, filled with 0xEE before.
  let bytes: [UInt8]

  var descriptor: [UInt8] { Array(bytes.prefix(length)) }
  /// Whether nothing was written behind the descriptor.
  var restIsUntouched: Bool { bytes.dropFirst(max(length, 0)).allSatisfy { $0 == 0xEE } }
}
