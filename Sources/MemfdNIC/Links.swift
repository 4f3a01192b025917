import CMemfdNIC

/// What connects two queue pairs: a socket for frames, and a pipe each way for the bulk.
struct Links: ~Copyable, Sendable {
  let socket: Descriptor
  /// The reading end of the pipe from the peer; the writing end of the pipe to the peer.
  let inbound: Descriptor
  let outbound: Descriptor

  init(
    socket: consuming Descriptor, inbound: consuming Descriptor, outbound: consuming Descriptor
  ) {
    self.socket = socket
    self.inbound = inbound
    self.outbound = outbound
  }
}
