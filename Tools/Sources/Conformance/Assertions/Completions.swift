import CWinsockDirect

// Section 10.6, the beginning: how requests end.
extension Catalog {
  static let completions: [Assertion] = [
    Assertion(62, .must, "no transfer blocks: WSA_IO_PENDING, or success at once") {
      session throws(Failure) in try neverBlocks(session)
    },
    Assertion(63, .must, "polled: no upcall, WSA_IO_INCOMPLETE, then the result") {
      session throws(Failure) in try polled(session)
    },
    Assertion(64, .must, "notified: exactly one upcall, with the switch's socket") {
      session throws(Failure) in try notified(session)
    },
    Assertion(65, .must, "Internal is 0x103 until the end, and the count is there before it") {
      session throws(Failure) in try states(session)
    },
  ]

  private static func neverBlocks(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 4)
    let buffer = try pair.near.registered(memory)
    let remote = try pair.far.party.makeMemory(pages: 4)
    let descriptor = try pair.far.exposed(remote, MEM_READWRITE)
    // Nobody at the other end does anything for it.
    var kinds: [TransferKind] = [.receive, .write, .send]
    if session.provider.offersRead { kinds.append(.read) }
    for kind in kinds {
      let request = try pair.near.party.makeRequest()
      let isLocal = kind == .send || kind == .receive
      let started = try request.start(
        kind, pair.near, [buffer.segment(0, 1000)], isLocal ? [] : descriptor)
      try expect(started.error, in: [0, WSA_IO_PENDING], kind.name)
      try expect(
        started.microseconds < 2_000_000, "\(kind.name) to return at once",
        "after \(started.microseconds / 1000) milliseconds")
    }
  }

  private static func polled(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let buffer = try pair.near.registered(memory)
    let request = try pair.near.party.makeRequest()
    try request.begin(.receive, pair.near, [buffer.segment(0, 100)])
    let early = try request.poll(pair.near)
    try expect(early.result == 0, "WSPGetOverlappedResult: FALSE", "\(early.result)")
    try expect(early.error, WSA_IO_INCOMPLETE, "WSPGetOverlappedResult of a pending receive")
    try expectUntouched(early.byteCount)
    let source = try pair.far.registered(try pair.far.party.makeMemory(pages: 1), MEM_READ)
    try expectMoved(try pair.far.move(.send, [source.segment(0, 60)]), 60, "WSPSend")
    try expectMoved(try request.end(pair.near), 60, "WSPGetOverlappedResult after the end")
    let again = try request.poll(pair.near)
    try expect(again.result == 1, "WSPGetOverlappedResult: TRUE", "\(again.result)")
    try expect(again.byteCount == 60, "60 bytes, asked again", "\(again.byteCount)")
    let upcalls = try request.completions().count
    try expect(upcalls == 0, "no upcall for a polled request", "\(upcalls)")
    // And of one that fails.
    let failing = try pair.near.party.makeRequest()
    try failing.begin(.receive, pair.near, [buffer.segment(0, 100)])
    try pair.far.close()
    let ended = try failing.end(pair.near)
    try expectRefusal(ended.error, "a receive whose peer has closed")
    let result = try failing.poll(pair.near)
    try expect(result.result == 0, "WSPGetOverlappedResult: FALSE", "\(result.result)")
    try expectUntouched(result.byteCount)
    try expect(
      try failing.completions().isEmpty, "no upcall for a polled request", "an upcall")
  }

  private static func expectUntouched(_ byteCount: DWORD) throws(Failure) {
    try expect(
      byteCount == Actor.untouchedCount, "*lpcbTransfer untouched where the result is FALSE",
      "\(byteCount)")
  }

  private static func notified(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let handle = try here.newestHandle()
    let memory = try here.makeMemory(pages: 2)
    let buffer = try pair.near.registered(memory)
    let receiving = try here.makeRequest(polled: false)
    try receiving.begin(.receive, pair.near, [buffer.segment(0, 100)])
    let source = try pair.far.registered(try pair.far.party.makeMemory(pages: 1), MEM_READ)
    try expectMoved(try pair.far.move(.send, [source.segment(0, 60)]), 60, "WSPSend")
    try expectMoved(try receiving.end(pair.near), 60, "the upcall of a receive")
    let remote = try pair.far.party.makeMemory(pages: 1)
    let descriptor = try pair.far.exposed(remote, MEM_READWRITE)
    let writing = try here.makeRequest(polled: false)
    let wasImmediate = try writing.begin(
      .write, pair.near, [buffer.segment(0, 1000)], descriptor)
    if wasImmediate == nil {
      try expectMoved(try writing.end(pair.near), 1000, "the upcall of a WSPRdmaWrite")
    }
    // Whatever comes a second time comes before the end of what follows.
    for _ in 0..<3 {
      let last = try here.makeRequest(polled: false)
      _ = try last.run(.write, pair.near, [buffer.segment(0, 1)], descriptor)
    }
    for request in wasImmediate == nil ? [receiving, writing] : [receiving] {
      let upcalls = try request.completions()
      try expect(upcalls.count == 1, "exactly one upcall for a request", "\(upcalls.count)")
      try expect(
        upcalls[0].handle == handle, "the switch's socket \(handle) in the upcall",
        "\(upcalls[0].handle)")
    }
    try expect(
      try receiving.poll(pair.near).byteCount == 60,
      "WSPGetOverlappedResult after the upcall: 60 bytes", "another count")
    // Its memory was released before the end was to be seen.
    try expect(try buffer.deregister(), 0, "WSPDeregisterMemory after the upcalls")
    try expectNoMistake(session)
  }

  private static func states(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let buffer = try pair.near.registered(memory)
    let source = try pair.far.registered(try pair.far.party.makeMemory(pages: 1), MEM_READ)
    for isPolled in [true, false] {
      let request = try pair.near.party.makeRequest(polled: isPolled)
      let started = try request.start(.receive, pair.near, [buffer.segment(0, 100)])
      try expect(started.error, WSA_IO_PENDING, "WSPRecv with nothing to receive")
      try expect(
        started.state == Int(WSS_OPERATION_IN_PROGRESS), "Internal 0x103 when WSPRecv returns",
        "\(started.state)")
      _ = try pair.far.move(.send, [source.segment(0, 33)])
      _ = try request.end(pair.near)
      let state = try request.state()
      try expect(
        state.state != Int(WSS_OPERATION_IN_PROGRESS), "Internal to change at the end", "0x103")
      try expect(state.byteCount == 33, "InternalHigh 33 at the end", "\(state.byteCount)")
      try expect(state.error, 0, "OffsetHigh at the end")
    }
  }
}
