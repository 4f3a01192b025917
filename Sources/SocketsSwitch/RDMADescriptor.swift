/// What names a buffer of the peer in an RDMA request: bytes that only its provider understands.
///
/// They may be sent to the peer in any way, and are good for the peer of that one connection.
public struct RDMADescriptor: Hashable, Sendable {
  public let bytes: [UInt8]

  public init(bytes: some Sequence<UInt8>) {
    self.bytes = Array(bytes)
  }
}
