/// What one end of a connection gives the other so that it can reach a range of its memory:
/// 32 plain bytes, with the same meaning wherever they are copied to.
///
/// The owner of the memory believes none of it: it compares with what it noted down.
@frozen
package struct RemoteDescriptor: Hashable, Sendable, BitwiseCopyable {
  /// `RemoteDescriptor.magicNumber`.
  package var magic: UInt32
  /// Which entry of the owner's access table, and the random number of that entry's present use.
  package var slot: UInt32
  package var nonce: UInt32
  /// A `MemoryAccess` raw value.
  package var access: UInt8
  /// 1: the peer maps the memory; 0: the owner moves the data.
  package var isMapped: UInt8
  package var reserved: UInt16
  /// Bytes that can be reached.
  package var length: UInt64
  /// The owner's random number for the connection.
  package var connection: UInt64

  package init(
    slot: UInt32, nonce: UInt32, access: UInt8, isMapped: Bool, length: UInt64, connection: UInt64
  ) {
    magic = Self.magicNumber
    self.slot = slot
    self.nonce = nonce
    self.access = access
    self.isMapped = isMapped ? 1 : 0
    reserved = 0
    self.length = length
    self.connection = connection
  }

  package static let magicNumber: UInt32 = 0x3152_4450  // "PDR1"
  /// Bytes of a descriptor.
  package static let byteCount = 32
}
