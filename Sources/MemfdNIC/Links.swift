import CMemfdNIC

/// What connects two queue pairs: a socket for frames, and a pipe each way for the bulk.
struct Links: ~Copyable, Sendable {
  let socket: Descriptor
  /// The reading end of the pipe from the peer; the writing end of the pipe to the peer.
  let inbound: Descriptor
  let outbound: Descriptor
  /// The same writing end once more, to splice pages into: the kernel denies calls that must not
  /// wait to a description that has been spliced into.
  let outboundPages: Descriptor

  init(
    socket: consuming Descriptor, inbound: consuming Descriptor, outbound: consuming Descriptor
  ) throws(MemfdNICError) {
    let number = CMemfdNIC_reopen_pipe(outbound.number)
    if number < 0 { throw .system(errno: -number) }
    outboundPages = Descriptor(number)
    self.socket = socket
    self.inbound = inbound
    self.outbound = outbound
  }
}
