import SocketsSwitch
import VirtualMemory

// What comes from the peer, which is not trusted. The lock is held.
extension Session {
  /// Deals with a message of `count` bytes in the receive `slot`.
  func handle(_ slot: Int, _ count: Int, _ state: inout SessionState) {
    do throws(StreamError) {
      let bytes = UnsafeRawBufferPointer(rebasing: memory.receive(slot)[..<count])
      let message = try SessionMessage(parsing: bytes)
      let isKept = try take(message, bytes, slot, &state)
      if !isKept { post(slot, &state) }
    } catch {
      fail(error, &state)
    }
  }

  /// Returns whether the receive is kept.
  private func take(
    _ message: SessionMessage, _ bytes: UnsafeRawBufferPointer, _ slot: Int,
    _ state: inout SessionState
  ) throws(StreamError) -> Bool {
    if message.kind == .hello {
      try takeHello(message, &state)
      return false
    }
    guard let peer = state.peer else { throw .protocolViolation("a message before the hello") }
    state.credits += message.credits
    guard state.credits <= peer.receiveCount else {
      throw .protocolViolation("more credits than receives")
    }
    let mayHavePayload = message.kind == .data || message.kind == .offer
    let mayHaveDescriptor = message.kind == .ready || message.kind == .source
    guard mayHavePayload || message.payloadBytes == 0,
      mayHaveDescriptor || message.descriptorBytes == 0
    else { throw .protocolViolation("bytes in a message that has none") }
    if message.kind.usesCredit {
      state.peerCredits -= 1
      if state.peerCredits < 0 { throw .protocolViolation("more data than credits") }
    }
    let descriptor = RDMADescriptor(
      bytes: bytes[SessionMessage.headerBytes...].prefix(message.descriptorBytes))
    switch message.kind {
    case .hello, .credit: return false
    case .data, .offer:
      try takeData(message, slot, &state)
      return true
    case .withdraw: try takeWithdrawal(message, &state)
    case .ready: try takeReady(message, descriptor, &state)
    case .done: try takeDone(message, &state)
    case .source: try takeSource(message, descriptor, &state)
    case .written: try takeWritten(message, &state)
    case .finish: state.isPeerFinished = true
    }
    return false
  }

  private func takeHello(
    _ message: SessionMessage, _ state: inout SessionState
  ) throws(StreamError) {
    guard state.peer == nil else { throw .protocolViolation("a second hello") }
    guard Limits.messageByteCounts.contains(message.length), message.payloadBytes == 0,
      message.descriptorBytes == 0, Limits.receiveCounts.contains(message.credits)
    else { throw .protocolViolation("a hello with impossible values") }
    state.peer = PeerLimits(receiveCount: message.credits, messageBytes: message.length)
    state.credits = message.credits
    if isAccepting { sayHello(&state) }
  }

  // MARK: As the receiver

  private func takeData(
    _ message: SessionMessage, _ slot: Int, _ state: inout SessionState
  ) throws(StreamError) {
    if state.isPeerFinished { throw .protocolViolation("data after the end") }
    let isOffer = message.kind == .offer
    guard isOffer ? message.length > 0 && message.number != 0 : message.payloadBytes > 0 else {
      throw .protocolViolation("a message without data")
    }
    if let last = state.incoming.last, last.remaining > 0 {
      throw .protocolViolation("data in the middle of a transfer")
    }
    let start = SessionMessage.headerBytes
    state.incoming.append(
      IncomingData(
        slot: slot, payload: start..<(start + message.payloadBytes),
        number: isOffer ? message.number : 0, remaining: isOffer ? message.length : 0))
  }

  private func takeWithdrawal(
    _ message: SessionMessage, _ state: inout SessionState
  ) throws(StreamError) {
    guard let last = state.incoming.last, last.remaining > 0, last.number == message.number else {
      throw .protocolViolation("the withdrawal of nothing")
    }
    switch state.round?.answer {
    case .source: throw .protocolViolation("a withdrawal in the middle of a round")
    case .written, .withdrawn: break
    case nil: if state.round != nil { state.round?.answer = .withdrawn }
    }
    state.arrived(last.remaining)
    state.owed += 1
    returnCredits(&state)
  }

  private func takeSource(
    _ message: SessionMessage, _ descriptor: RDMADescriptor, _ state: inout SessionState
  ) throws(StreamError) {
    guard let round = state.round, round.answer == nil, !round.isTarget,
      round.number == message.number, (1...round.length).contains(message.length),
      message.descriptorBytes > 0
    else { throw .protocolViolation("an answer to nothing") }
    state.round?.answer = .source(descriptor, offset: message.offset, length: message.length)
  }

  private func takeWritten(
    _ message: SessionMessage, _ state: inout SessionState
  ) throws(StreamError) {
    guard let round = state.round, round.answer == nil, round.isTarget,
      round.number == message.number, (1...round.length).contains(message.length)
    else { throw .protocolViolation("an answer to nothing") }
    state.round?.answer = .written(length: message.length)
    // At once: what comes next may be here already.
    state.arrived(message.length)
  }

  // MARK: As the sender

  private func takeReady(
    _ message: SessionMessage, _ descriptor: RDMADescriptor, _ state: inout SessionState
  ) throws(StreamError) {
    guard message.length > 0 else { throw .protocolViolation("a round of no bytes") }
    guard let offer = state.offer, offer.number == message.number else {
      // It has crossed a withdrawal, or is about a number that never was.
      if message.number != 0, message.number <= state.lastNumber { return }
      throw .protocolViolation("a round of nothing")
    }
    guard offer.ready == nil, offer.exposedBytes == nil || offer.doneBytes != nil else {
      throw .protocolViolation("a round within another")
    }
    let target = message.descriptorBytes > 0 ? descriptor : nil
    state.offer?.ready = OutgoingOffer.Ready(length: message.length, target: target)
  }

  private func takeDone(
    _ message: SessionMessage, _ state: inout SessionState
  ) throws(StreamError) {
    guard let offer = state.offer, offer.number == message.number, offer.doneBytes == nil,
      let exposed = offer.exposedBytes, message.length <= exposed
    else { throw .protocolViolation("an answer to nothing") }
    state.offer?.doneBytes = message.length
  }
}
