import CWinsockDirect

// Section 10.7, the first half: closing.
extension Catalog {
  static let closing: [Assertion] = [
    Assertion(79, .must, "a close aborts what is pending, then WPUCloseSocketHandle, then nothing")
    {
      session throws(Failure) in try aborts(session)
    },
    Assertion(80, .must, "the peer's receives fail; its descriptor stays until its own close") {
      session throws(Failure) in try peerEnds(session)
    },
    Assertion(81, .must, "what was registered is released at the close") {
      session throws(Failure) in try leftovers(session)
    },
  ]

  private static func aborts(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let handle = try here.newestHandle()
    let memory = try here.makeMemory(pages: 1)
    let buffer = try pair.near.registered(memory)
    var notified: [Request] = []
    for index in 0..<5 {
      let request = try here.makeRequest(polled: false)
      try request.begin(.receive, pair.near, [buffer.segment(16 * index, 16)])
      notified.append(request)
    }
    let polled = try here.makeRequest()
    try polled.begin(.receive, pair.near, [buffer.segment(200, 16)])
    try expect(try pair.near.close(), 0, "WSPCloseSocket")
    // The close is the last of the upcalls, and what comes too late gets time to show.
    _ = try here.entries(of: handle, waiting: 3000)
    _ = try here.makeEvent().wait(milliseconds: 150)
    let entries = try here.entries(of: handle)
    let closes = entries.count { $0 }
    try expect(closes == 1, "exactly one WPUCloseSocketHandle", "\(closes)")
    try expect(entries.last == true, "no upcall after WPUCloseSocketHandle", "one")
    try expect(
      entries.count == 6, "5 completions and a close", "\(entries.count - closes) completions")
    for request in notified {
      let upcalls = try request.completions()
      try expect(upcalls.count == 1, "one completion of a pending request", "\(upcalls.count)")
      try expect(upcalls[0].error, WSA_OPERATION_ABORTED, "a request that was pending")
      try expect(upcalls[0].byteCount == 0, "0 bytes", "\(upcalls[0].byteCount)")
    }
    let state = try polled.state()
    try expect(state.error, WSA_OPERATION_ABORTED, "OffsetHigh of a polled request")
    try expect(
      state.state != Int(WSS_OPERATION_IN_PROGRESS), "a polled request that has ended", "0x103")
    try expectNoMistake(session)
  }

  private static func peerEnds(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let buffer = try pair.near.registered(try here.makeMemory(pages: 1))
    let requests = [try here.makeRequest(), try here.makeRequest(polled: false)]
    for (index, request) in requests.enumerated() {
      try request.begin(.receive, pair.near, [buffer.segment(16 * index, 16)])
    }
    try expect(try pair.far.close(), 0, "WSPCloseSocket of the peer")
    for request in requests {
      let ended = try request.end(pair.near)
      try expect(
        ended.error, in: [WSAECONNRESET, WSAECONNABORTED, WSAENETRESET],
        "a receive whose peer has closed")
    }
    let later = try here.makeRequest().start(.receive, pair.near, [buffer.segment(0, 16)])
    try expect(
      later.error != WSAENOTSOCK && later.error != 0,
      "an error other than WSAENOTSOCK before our own close", ErrorName.text(later.error))
    try expect(try buffer.deregister(), 0, "WSPDeregisterMemory before our own close")
    try expect(try pair.near.close(), 0, "WSPCloseSocket")
  }

  private static func leftovers(_ session: Session) throws(Failure) {
    // One pair to begin with, for what a provider sets up once.
    let first = try session.pair()
    try first.near.close()
    let here = try session.here()
    let before = try here.pinnedBytes()
    let pair = try session.pair()
    let handle = try here.newestHandle()
    let memory = try here.makeMemory(pages: 8)
    for index in 0..<8 {
      _ = try pair.near.registered(memory.part(100 * index, 4096))
      _ = try pair.near.exposed(memory.part(100 * index, 4096), MEM_READWRITE)
    }
    try expect(try pair.near.close(), 0, "WSPCloseSocket")
    _ = try here.entries(of: handle, waiting: 3000)
    // What is only cached now goes with the mapping.
    if session.provider.offersCallback {
      _ = try here.callBack(memory)
    }
    let left = try here.pinnedBytes() - before
    try expect(left <= 0, "nothing pinned of what was registered", "\(left) bytes")
  }
}
