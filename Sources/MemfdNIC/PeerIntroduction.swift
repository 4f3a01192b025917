/// What a peer said of itself in the handshake.
struct PeerIntroduction: ~Copyable, Sendable {
  /// As the kernel says; 0 where that is known already.
  let process: Int32
  let connection: UInt64
  let access: AccessTable

  init(process: Int32, connection: UInt64, access: consuming AccessTable) {
    self.process = process
    self.connection = connection
    self.access = access
  }
}
