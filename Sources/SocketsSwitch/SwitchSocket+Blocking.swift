import VirtualMemory

// Transfers that the caller waits for.
extension SwitchSocket {
  /// Writes a whole registered buffer into the peer's from byte `offset`, in as many requests as
  /// the provider's limit makes necessary. Returns when the last has completed.
  ///
  /// - Throws: `.timedOut` where that was not within `timeout`; the buffer then still belongs to
  ///   the adapter.
  public func rdmaWrite(
    from source: borrowing MemoryRegistration, to target: RDMADescriptor, at offset: UInt32 = 0,
    within timeout: Duration = .seconds(30)
  ) throws(SwitchError) {
    for piece in Pieces(of: source.range.length, atMost: maximumRDMALength) {
      let segment = source.segment(at: piece.offset, length: piece.length)
      let transfer = try startRDMAWrite(
        from: [segment], to: target, at: offset + UInt32(piece.offset))
      try transfer.wait(within: timeout)
    }
  }

  /// Reads from the peer's buffer from byte `offset` until the whole registered buffer is filled.
  public func rdmaRead(
    into target: borrowing MemoryRegistration, from source: RDMADescriptor, at offset: UInt32 = 0,
    within timeout: Duration = .seconds(30)
  ) throws(SwitchError) {
    for piece in Pieces(of: target.range.length, atMost: maximumRDMALength) {
      let segment = target.segment(at: piece.offset, length: piece.length)
      let transfer = try startRDMARead(
        into: [segment], from: source, at: offset + UInt32(piece.offset))
      try transfer.wait(within: timeout)
    }
  }

  /// Sends a message from registered memory.
  public func send(
    _ message: UnsafeRawBufferPointer, within timeout: Duration = .seconds(30)
  ) throws(SwitchError) {
    try startSend(message).wait(within: timeout)
  }

  /// Receives one message into registered memory; returns its length in bytes.
  public func receive(
    into buffer: UnsafeMutableRawBufferPointer, within timeout: Duration = .seconds(30)
  ) throws(SwitchError) -> Int {
    try startReceive(into: buffer).wait(within: timeout)
  }
}

/// A length in pieces of at most a limit; one empty piece for nothing.
private struct Pieces: Sequence, IteratorProtocol {
  private let length: UInt
  private let limit: UInt
  private var offset: UInt = 0
  private var isDone = false

  init(of length: UInt, atMost limit: UInt32) {
    self.length = length
    self.limit = UInt(limit)
  }

  mutating func next() -> (offset: UInt, length: UInt)? {
    if isDone { return nil }
    let piece = (offset: offset, length: Swift.min(limit, length - offset))
    offset += piece.length
    isDone = offset == length
    return piece
  }
}
