import CWinsockDirect

// Section 10.3, the second half: connecting and accepting.
extension Catalog {
  static let connections: [Assertion] = [
    Assertion(25, .must, "WSPConnect after WSPEventSelect: a result, or the event later") {
      session throws(Failure) in try connecting(session)
    },
    Assertion(26, .must, "no listener gives a final error, no answer WSAETIMEDOUT", seconds: 40) {
      session throws(Failure) in try unreachable(session)
    },
    Assertion(27, .must, "a full backlog refuses at once and signals nothing") {
      session throws(Failure) in try backlog(session)
    },
    Assertion(28, .must, "the condition function runs in WSPAccept, before the peer is told") {
      session throws(Failure) in try condition(session)
    },
    Assertion(29, .must, "CF_REJECT refuses both ends, CF_ACCEPT makes a socket") {
      session throws(Failure) in try decisions(session)
    },
    Assertion(30, .inferred, "nothing pending gives WSAEWOULDBLOCK; two pending signal twice") {
      session throws(Failure) in try pendingRequests(session)
    },
    Assertion(31, .must, "only FD_ACCEPT and FD_CONNECT; enumerating takes the events") {
      session throws(Failure) in try events(session)
    },
    Assertion(32, .must, "a message that comes before the first receive is kept") {
      session throws(Failure) in try earlyMessage(session)
    },
    Assertion(33, .must, "closing ends a pending connect at once") {
      session throws(Failure) in try closeWhileConnecting(session)
    },
  ]

  private static func connecting(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    // That it came about is known by the event alone; now it must carry something.
    let memory = try pair.near.party.makeMemory(pages: 1)
    try exchange(from: pair.near, try pair.near.registered(memory), to: pair.far)
  }

  private static func unreachable(_ session: Session) throws(Failure) {
    let here = try session.here()
    let nobody = try session.outcome(
      try session.connect(here, port: session.makePort()), milliseconds: 15_000)
    try expect(
      nobody, in: [WSAECONNREFUSED, WSAECONNRESET, WSAEHOSTUNREACH],
      "WSPConnect where nobody listens")
    // In the network of the first adapter; whether it exists is known to nobody.
    let own = try session.addresses()
    let address = (1...254).reversed().map { own[0] & ~0xFF | $0 }.first { !own.contains($0) } ?? 0
    let socket = try here.makeSocket()
    let event = try here.makeEvent()
    try expect(try socket.select(event, FD_CONNECT), 0, "WSPEventSelect(FD_CONNECT)")
    let error = try socket.connect(address, port: session.makePort())
    try expect(
      try session.outcome((socket, event, error), milliseconds: 20_000), WSAETIMEDOUT,
      "WSPConnect to an address of the network that does not answer")
  }

  private static func backlog(_ session: Session) throws(Failure) {
    let (here, peer) = (try session.here(), try session.peer())
    let listening = try session.listen(on: peer, backlog: 2)
    for _ in 0..<12 {
      _ = try listening.socket.events(listening.event)
      let attempt = try session.connect(here, port: listening.port)
      var isOver = attempt.error != WSAEWOULDBLOCK
      if !isOver { isOver = try attempt.event.wait(milliseconds: 300) }
      if !isOver { continue }
      try expect(
        try session.outcome(attempt), WSAECONNREFUSED, "WSPConnect beyond a backlog of 2")
      try expect(
        !(try listening.event.isSet()), "no event for a request that was refused", "the event")
      return
    }
    throw .violated(
      expected: "WSAECONNREFUSED beyond a backlog of 2", actual: "12 requests are waiting")
  }

  private static func condition(_ session: Session) throws(Failure) {
    let (here, peer) = (try session.here(), try session.peer())
    let listening = try session.listen(on: peer)
    let attempt = try session.connect(here, port: listening.port)
    try expect(try listening.event.wait(), "the FD_ACCEPT event", "nothing for 5 seconds")
    let handles = try peer.ask(.openHandles).numbers[1]
    peer.tell(.accept, [listening.socket.descriptor, Int(AcceptCondition.slow | CF_ACCEPT)])
    let isEarly = try attempt.event.wait(milliseconds: 50)
    let accepted = Accepted(peer, try peer.answer(to: .accept).numbers)
    try expect(!isEarly, "a peer that hears of the accept after the condition function", "before")
    try expect(accepted.error, 0, "WSPAccept with CF_ACCEPT")
    try expect(
      accepted.conditionCalls == 1, "one call of the condition function",
      "\(accepted.conditionCalls)")
    try expect(
      accepted.wasOnCallersThread, "the condition function on the calling thread", "another one")
    try expect(accepted.callbackDataCame, "its dwCallbackData", "another value")
    try expect(
      accepted.handlesMeanwhile == handles, "no WPUCreateSocketHandle before the decision",
      "one")
    try expect(try session.outcome(attempt), 0, "WSPConnect that was accepted")
  }

  private static func decisions(_ session: Session) throws(Failure) {
    let (here, peer) = (try session.here(), try session.peer())
    let listening = try session.listen(on: peer)
    func request() throws(Failure) -> (socket: Socket, event: Event, error: INT) {
      let attempt = try session.connect(here, port: listening.port)
      try expect(try listening.event.wait(), "the FD_ACCEPT event", "nothing for 5 seconds")
      _ = try listening.socket.events(listening.event)
      return attempt
    }
    let handles = try peer.ask(.openHandles).numbers[1]
    let rejected = try request()
    let refusal = try listening.socket.accept(answering: CF_REJECT)
    try expect(refusal.descriptor == -1, "INVALID_SOCKET for CF_REJECT", "a descriptor")
    try expect(refusal.error, WSAECONNREFUSED, "WSPAccept with CF_REJECT")
    try expect(try session.outcome(rejected), WSAECONNREFUSED, "WSPConnect that was rejected")
    let accepted = try request()
    let acceptance = try listening.socket.accept(answering: CF_ACCEPT)
    _ = try acceptance.socket()
    try expect(try session.outcome(accepted), 0, "WSPConnect that was accepted")
    let made = try peer.ask(.openHandles).numbers[1] - handles
    try expect(made == 1, "one WPUCreateSocketHandle for one accepted request", "\(made)")
    let address = try session.address()
    try expect(
      acceptance.peerAddress == address, "the peer's address \(address)",
      "\(acceptance.peerAddress)")
  }

  private static func pendingRequests(_ session: Session) throws(Failure) {
    let (here, peer) = (try session.here(), try session.peer())
    let listening = try session.listen(on: peer)
    try expect(
      try listening.socket.accept().error, WSAEWOULDBLOCK, "WSPAccept with nothing pending")
    let attempts = [
      try session.connect(here, port: listening.port),
      try session.connect(here, port: listening.port),
    ]
    for _ in attempts {
      try expect(
        try listening.event.wait(), "an event for each of two requests", "nothing for 5 seconds")
      _ = try listening.socket.events(listening.event)
      _ = try listening.socket.accept().socket()
    }
    // Nothing says in which order the two have arrived.
    for attempt in attempts {
      try expect(try session.outcome(attempt), 0, "WSPConnect that was accepted")
    }
    try expect(
      try listening.socket.accept().error, WSAEWOULDBLOCK, "WSPAccept when both are accepted")
  }

  private static func events(_ session: Session) throws(Failure) {
    let (here, peer) = (try session.here(), try session.peer())
    let socket = try here.makeSocket()
    let other = try here.makeEvent()
    for events in [FD_READ, FD_ACCEPT | FD_CLOSE] {
      try expect(try socket.select(other, events), WSAEINVAL, "WSPEventSelect of \(events)")
    }
    let listening = try session.listen(on: peer)
    _ = try session.connect(here, port: listening.port)
    try expect(try listening.event.wait(), "the FD_ACCEPT event", "nothing for 5 seconds")
    let first = try listening.socket.events(listening.event)
    try expect(first.error, 0, "WSPEnumNetworkEvents")
    try expect(first.events == FD_ACCEPT, "FD_ACCEPT (8)", "\(first.events)")
    try expect(!(try listening.event.isSet()), "an event object that is reset", "it is set")
    let second = try listening.socket.events(listening.event)
    try expect(second.events == 0, "no event a second time", "\(second.events)")
    try expectNoMistake(session)
  }

  private static func earlyMessage(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let source = try pair.near.party.makeMemory(pages: 1)
    try source.fill(3)
    let buffer = try pair.near.registered(source, MEM_READ)
    let sending = try pair.near.party.makeRequest()
    let done = try sending.begin(.send, pair.near, [buffer.segment(0, 256)])
    let target = try pair.far.party.makeMemory(pages: 1)
    let room = try pair.far.registered(target, MEM_WRITE)
    let received = try pair.far.move(.receive, [room.segment(0, 512)])
    try expectMoved(received, 256, "a message that was sent before WSPRecv")
    try target.part(0, 256).expect(3, "the message as it was sent")
    if done == nil { try expectMoved(try sending.end(pair.near), 256, "its WSPSend") }
    try exchange(from: pair.far, try pair.far.registered(target, MEM_READ), to: pair.near)
  }

  private static func closeWhileConnecting(_ session: Session) throws(Failure) {
    let (here, peer) = (try session.here(), try session.peer())
    let listening = try session.listen(on: peer)
    let attempt = try session.connect(here, port: listening.port)
    try expect(attempt.error, WSAEWOULDBLOCK, "WSPConnect to one that does not accept yet")
    let handle = try here.newestHandle()
    let watch = Stopwatch()
    try expect(try attempt.socket.close(), 0, "WSPCloseSocket while connecting")
    let entries = try here.entries(of: handle, waiting: 2000)
    try expect(
      entries == [true], "WPUCloseSocketHandle, and nothing else", "\(entries.count) upcalls")
    try expect(
      watch.milliseconds < 2000, "an end within 2 seconds", "\(watch.milliseconds) milliseconds")
    // The listener is none the worse.
    _ = try listening.socket.accept()
    try expect(try listening.socket.close(), 0, "WSPCloseSocket of the listener")
  }

  /// Sends 100 bytes of registered memory and checks that they arrive.
  static func exchange(from sender: Socket, _ source: Registered, to receiver: Socket)
    throws(Failure)
  {
    let message = source.buffer.part(0, 100)
    try message.fill(7)
    let target = try receiver.party.makeMemory(pages: 1)
    let room = try receiver.registered(target)
    let receiving = try receiver.party.makeRequest()
    let early = try receiving.begin(.receive, receiver, [room.segment(0, 4096)])
    try expectMoved(try sender.move(.send, [source.segment(0, 100)]), 100, "WSPSend")
    if early == nil { try expectMoved(try receiving.end(receiver), 100, "WSPRecv") }
    try target.part(0, 100).expect(7, "the message as it was sent")
    try expect(try room.deregister(), 0, "WSPDeregisterMemory after a transfer")
  }
}
