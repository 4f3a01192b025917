import SocketsSwitch
import VirtualMemory

// Sending: out of the caller's memory by RDMA.
extension Session {
  /// Offers the bytes and serves the rounds that the peer asks for; counts what was sent in `sent`.
  ///
  /// Returns early where the memory cannot be registered: the rest is for messages then. When it
  /// returns or throws, nothing of the memory is exposed or used any more.
  func sendLarge(
    _ bytes: UnsafeRawBufferPointer, _ sent: inout Int, until deadline: Deadline
  ) throws(StreamError) {
    let pilot = min(Limits.pilotBytes, bytes.count - 1)
    let number: UInt32
    (number, sent) = try sendWithCredits(2, until: deadline) { state in
      offer(bytes, pilot: pilot, &state)
    }
    var exposure = Exposure()
    defer { if !exposure.end() { fail(.protocolViolation("a read after its end")) } }
    while sent < bytes.count {
      let step = try nextRound(number, until: deadline)
      guard let step else { throw .timedOut(byteCount: sent) }
      let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...].prefix(step.length))
      let count: Int?
      do throws(StreamError) {
        if let target = step.target {
          count = try write(rest, to: target, number)
        } else {
          count = try expose(rest, of: bytes, at: sent, number, &exposure)
        }
      } catch {
        // The peer waits for an answer, where it is not the session that has failed.
        withdraw(number)
        throw error
      }
      guard let count else {
        withdraw(number)
        return
      }
      sent += count
    }
    state.withLock { state in
      state.offer = nil
      state.credits += 1
    }
    change.announce()
  }

  /// The lock is held, and there are two credits: one for this, one for a withdrawal.
  private func offer(
    _ bytes: UnsafeRawBufferPointer, pilot: Int, _ state: inout SessionState
  ) -> (UInt32, Int) {
    state.lastNumber = state.lastNumber == .max ? 1 : state.lastNumber + 1
    let room = min(memory.messageBytes, state.peer?.messageBytes ?? 0) - SessionMessage.headerBytes
    let count = min(pilot, room)
    var message = SessionMessage(.offer)
    message.number = state.lastNumber
    message.length = bytes.count - count
    state.offer = OutgoingOffer(number: message.number)
    _ = postData(message, UnsafeRawBufferPointer(rebasing: bytes[..<count]), &state)
    state.credits -= 1
    return (message.number, count)
  }

  /// The next round that the peer is ready for; nil where the deadline came first, and the offer was
  /// withdrawn.
  private func nextRound(
    _ number: UInt32, until deadline: Deadline
  ) throws(StreamError) -> OutgoingOffer.Ready? {
    let ready = try wait(until: deadline, to: .sending) { state in
      // Also where the peer is ready again and again without taking anything.
      if deadline.remaining == 0 { return nil as OutgoingOffer.Ready? }
      defer { state.offer?.ready = nil }
      return state.offer?.ready
    }
    if ready == nil { withdraw(number) }
    return ready
  }

  private func withdraw(_ number: UInt32) {
    state.withLock { state in
      state.offer = nil
      var message = SessionMessage(.withdraw)
      message.number = number
      postControl(message, &state)
    }
  }

  // MARK: The peer reads

  /// Lets the peer read the first bytes of `bytes[offset...]`; returns how many it did, or nil where
  /// they cannot be exposed.
  private func expose(
    _ rest: UnsafeRawBufferPointer, of bytes: UnsafeRawBufferPointer, at offset: Int,
    _ number: UInt32, _ exposure: inout Exposure
  ) throws(StreamError) -> Int? {
    guard try exposure.cover(bytes, at: offset, on: socket) else { return nil }
    var message = SessionMessage(.source)
    message.number = number
    message.offset = UInt32(offset - exposure.range.lowerBound)
    message.length = min(rest.count, exposure.range.upperBound - offset)
    state.withLock { state in
      state.offer?.exposedBytes = message.length
      postControl(message, descriptor: exposure.descriptor, &state)
    }
    return try step { (state) throws(StreamError) -> Int? in
      guard let done = state.offer?.doneBytes else { return nil }
      state.offer?.doneBytes = nil
      state.offer?.exposedBytes = nil
      return done
    }
  }

  // MARK: The peer cannot read

  /// Writes into the peer's memory; returns how many bytes, or nil where they cannot be registered.
  private func write(
    _ rest: UnsafeRawBufferPointer, to target: RDMADescriptor, _ number: UInt32
  ) throws(StreamError) -> Int? {
    let memory = UnsafeMutableRawBufferPointer(mutating: rest)
    let registered = try largest(of: memory) { (part) throws(SwitchError) in
      try socket.registerMemory(part, access: .read)
    }
    guard let registration = registered else { return nil }
    let count = Int(registration.range.length)
    try transfer(count) { (offset, length) throws(SwitchError) in
      try socket.startRDMAWrite(
        from: [registration.segment(at: UInt(offset), length: UInt(length))], to: target,
        at: UInt32(offset))
    }
    try? registration.deregister()
    var message = SessionMessage(.written)
    message.number = number
    message.length = count
    state.withLock { postControl(message, &$0) }
    return count
  }
}
