/// A piece of local memory that a request sends from or receives into.
@frozen
package struct LocalSegment: Sendable {
  /// Where it begins, in the application's mapping.
  package var address: UInt
  /// Bytes.
  package var length: UInt32
  /// A registration of the same adapter that contains it.
  package var key: RegistrationKey

  @inlinable
  package init(address: UInt, length: UInt32, key: RegistrationKey) {
    self.address = address
    self.length = length
    self.key = key
  }
}
