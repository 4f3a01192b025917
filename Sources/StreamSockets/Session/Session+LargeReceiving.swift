import SocketsSwitch
import VirtualMemory

// Receiving: by RDMA.
extension Session {
  /// Does one round of a large transfer; returns how many bytes it brought, 0 where the transfer was
  /// withdrawn, nil where the memory cannot be registered.
  ///
  /// When it returns or throws, nothing of the memory is exposed or used any more.
  func receiveRound(
    _ number: UInt32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StreamError) -> Int? {
    if socket.canRead, options.usesRDMARead {
      return try readRound(number, into: buffer)
    } else {
      return try targetRound(number, into: buffer)
    }
  }

  /// Says that this side is ready.
  private func begin(
    _ number: UInt32, _ length: Int, target: RDMADescriptor? = nil
  ) {
    state.withLock { state in
      // Withdrawn meanwhile.
      guard let offer = state.incoming.first, offer.number == number, offer.remaining > 0 else {
        state.round = ReceivingRound(
          number: number, length: length, isTarget: target != nil, answer: .withdrawn)
        return
      }
      state.round = ReceivingRound(number: number, length: length, isTarget: target != nil)
      var message = SessionMessage(.ready)
      message.number = number
      message.length = length
      postControl(message, descriptor: target, &state)
    }
  }

  private func answer() throws(StreamError) -> ReceivingRound.Answer {
    try step { state in state.round?.answer }
  }

  private func endRound() {
    state.withLock { $0.round = nil }
  }

  // MARK: By RDMA read

  private func readRound(
    _ number: UInt32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StreamError) -> Int? {
    let registered = try largest(of: buffer) { (part) throws(SwitchError) in
      try socket.registerMemory(part, access: .write)
    }
    guard let registration = registered else { return nil }
    begin(number, Int(registration.range.length))
    guard case .source(let source, let base, let length) = try answer() else {
      endRound()
      return 0
    }
    try transfer(length) { (offset, count) throws(SwitchError) in
      try socket.startRDMARead(
        into: [registration.segment(at: UInt(offset), length: UInt(count))], from: source,
        at: base &+ UInt32(offset))
    }
    try? registration.deregister()
    state.withLock { state in
      state.round = nil
      state.arrived(length)
      var message = SessionMessage(.done)
      message.number = number
      message.length = length
      postControl(message, &state)
    }
    return length
  }

  // MARK: By the peer's RDMA write

  private func targetRound(
    _ number: UInt32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StreamError) -> Int? {
    let exposed = try largest(of: buffer) { (part) throws(SwitchError) in
      try socket.registerRDMAMemory(part, access: .write)
    }
    guard let registration = exposed else { return nil }
    begin(number, Int(registration.range.length), target: registration.descriptor)
    let answer = try answer()
    do throws(SwitchError) {
      try registration.deregister()
    } catch {
      // The peer is inside, although it said that it was done.
      fail(.protocolViolation("a write after its end"))
      throw .protocolViolation("a write after its end")
    }
    endRound()
    if case .written(let length) = answer { return length }
    return 0
  }
}
