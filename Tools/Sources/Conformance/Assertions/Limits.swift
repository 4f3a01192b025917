import CWinsockDirect

// Section 10.6, the end: what is refused.
extension Catalog {
  static let limits: [Assertion] = [
    Assertion(73, .inferred, "messages of memory that was never registered give WSAEFAULT") {
      session throws(Failure) in try unregistered(session)
    },
    Assertion(74, .inferred, "RDMA outside its handle's registration starts nothing") {
      session throws(Failure) in try outsideHandle(session)
    },
    Assertion(75, .must, "a transfer of SO_MAX_RDMA_SIZE works", seconds: 60) {
      session throws(Failure) in try largest(session)
    },
    Assertion(76, .inferred, "transfers of no bytes complete with 0 bytes") {
      session throws(Failure) in try empty(session)
    },
    Assertion(77, .inferred, "a full queue refuses, and works again afterwards", seconds: 30) {
      session throws(Failure) in try fullQueue(session)
    },
    Assertion(78, .must, "a closed descriptor gives WSAENOTSOCK, an unconnected one WSAENOTCONN") {
      session throws(Failure) in try badSockets(session)
    },
  ]

  private static func unregistered(_ session: Session) throws(Failure) {
    let near = try session.pair().near
    let memory = try near.party.makeMemory(pages: 2)
    let request = try near.party.makeRequest(polled: false)
    func segment(_ offset: Int, _ length: Int) -> [Segment] {
      [Segment(memory: memory.memory, offset: offset, length: length, handle: 0)]
    }
    try expect(
      try request.start(.send, near, segment(0, 100)).error, WSAEFAULT,
      "WSPSend of memory that is not registered")
    try expect(
      try request.start(.receive, near, segment(0, 100)).error, WSAEFAULT,
      "WSPRecv into memory that is not registered")
    _ = try near.registered(memory.part(100, 100))
    try expect(
      try request.start(.send, near, segment(99, 10)).error, WSAEFAULT,
      "WSPSend that begins before the registered memory")
    try expect(
      try request.start(.receive, near, segment(150, 51)).error, WSAEFAULT,
      "WSPRecv that ends behind the registered memory")
    try expect(try request.completions().isEmpty, "no upcall for what was refused", "an upcall")
  }

  private static func outsideHandle(_ session: Session) throws(Failure) {
    let (pair, other) = (try session.pair(), try session.pair())
    let memory = try pair.near.party.makeMemory(pages: 2)
    let buffer = try pair.near.registered(memory.part(100, 100))
    let foreign = try other.near.registered(memory)
    let remote = try pair.far.party.makeMemory(pages: 2)
    try remote.fill(1)
    let descriptor = try pair.far.exposed(remote, MEM_READWRITE)
    let request = try pair.near.party.makeRequest(polled: false)
    var attempts: [(segment: Segment, name: String)] = [
      (buffer.segment(-1, 10), "a byte before it"), (buffer.segment(50, 51), "a byte behind it"),
      (buffer.segment(200, 10), "all of it outside"),
      (
        Segment(memory: memory.memory, offset: 100, length: 10, handle: 0x77_0000),
        "a handle that nobody was given"
      ),
    ]
    if foreign.handle != buffer.handle {
      attempts.append((foreign.segment(300, 10), "another socket's handle"))
    }
    for (segment, name) in attempts {
      let started = try request.start(.write, pair.near, [segment], descriptor)
      try expect(
        !started.isUnderWay && started.error != 0, "WSPRdmaWrite with \(name): an error",
        ErrorName.text(started.error))
    }
    try remote.expect(1, "nothing written")
    try expect(try request.completions().isEmpty, "no upcall for what was refused", "an upcall")
    try expect(try buffer.deregister(), 0, "WSPDeregisterMemory, as nothing uses it")
  }

  private static func largest(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let limit = try pair.near.option(SO_MAX_RDMA_SIZE)
    if limit.error != 0 { throw .notApplicable("the transport does not limit RDMA transfers") }
    let length = Int(limit.value & 0xFFFF_FFFF)
    if length > 1 << 30 { throw .notApplicable("the limit of \(length) bytes is no limit") }
    // Both ends have it, of shared pages: three times that is free on a machine that can do it.
    if length * 3 > AvailableMemory.bytes {
      throw .notApplicable("this machine has too little memory for \(length) bytes at both ends")
    }
    let pages = (length + 4095) / 4096
    let source = try pair.near.party.makeMemory(pages: pages, .shared)
    // The ends and the middle, for there is a lot of it.
    let places = [0, length / 2 & ~0xFFF, length - min(length, 4096)]
    for place in places { try source.part(place, min(length, 4096)).fill(place / 4096 + 1) }
    let target = try pair.far.party.makeMemory(pages: pages, .shared)
    let answer = try pair.near.register(source, MEM_READ)
    let exposure = try pair.far.expose(target, MEM_WRITE, room: Exposure.ample)
    if answer.error == WSAENOBUFS || exposure.error == WSAENOBUFS {
      throw .notApplicable("\(length) bytes cannot be registered here")
    }
    try expect(answer.error, 0, "WSPRegisterMemory of \(length) bytes")
    try expect(exposure.error, 0, "WSPRegisterRdmaMemory of \(length) bytes")
    let buffer = Registered(socket: pair.near, buffer: source, handle: answer.handle)
    let descriptor = exposure.descriptor
    let request = try pair.near.party.makeRequest()
    let done = try request.begin(.write, pair.near, [buffer.segment(0, length)], descriptor)
    let ended =
      if let done { (error: INT(0), byteCount: done) } else {
        try request.end(pair.near, milliseconds: 30_000)
      }
    try expectMoved(ended, length, "WSPRdmaWrite of SO_MAX_RDMA_SIZE bytes")
    for place in places {
      try target.part(place, min(length, 4096)).expect(
        place / 4096 + 1, "the data that were written, at \(place)")
    }
    // What is more may be refused.
    let more = try pair.near.party.makeRequest().start(
      .write, pair.near, [buffer.segment(0, length), buffer.segment(0, 1)], descriptor)
    try expect(
      !more.isUnderWay || more.error != 0, "more to be refused, or done", "nothing")
  }

  private static func empty(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let buffer = try pair.near.registered(memory)
    let remote = try pair.far.party.makeMemory(pages: 1)
    try remote.fill(1)
    let descriptor = try pair.far.exposed(remote, MEM_READWRITE)
    var kinds: [TransferKind] = [.write]
    if session.provider.offersRead { kinds.append(.read) }
    for kind in kinds {
      for isPolled in [true, false] {
        try expectMoved(
          try pair.near.move(kind, [buffer.segment(0, 0)], descriptor, polled: isPolled), 0,
          "\(kind.name) of 0 bytes")
      }
    }
    try remote.expect(1, "nothing written")
    // It is none the worse for it.
    try expectMoved(
      try pair.near.move(.write, [buffer.segment()], descriptor), 4096, "WSPRdmaWrite")
  }

  private static func fullQueue(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let buffer = try pair.near.registered(memory)
    var pending: [Request] = []
    var refusal: INT = 0
    while refusal == 0 {
      if pending.count == 20_000 { throw .notApplicable("20000 receives fit into the queue") }
      let request = try pair.near.party.makeRequest(polled: pending.count % 2 == 0)
      let started = try request.start(.receive, pair.near, [buffer.segment(0, 16)])
      if started.isUnderWay {
        pending.append(request)
        continue
      }
      refusal = started.error
      try expect(
        refusal, in: [WSAENOBUFS, WSAEWOULDBLOCK, WSAENETDOWN], "WSPRecv with a full queue")
      try expect(
        started.state != Int(WSS_OPERATION_IN_PROGRESS), "nothing started by what is refused",
        "Internal 0x103")
      try expect(try request.completions().isEmpty, "no upcall for what is refused", "an upcall")
    }
    let source = try pair.far.registered(try pair.far.party.makeMemory(pages: 1), MEM_READ)
    try expectMoved(try pair.far.move(.send, [source.segment(0, 16)]), 16, "WSPSend")
    try expectMoved(try pending[0].end(pair.near), 16, "the first receive of a full queue")
    try pair.near.party.makeRequest().begin(.receive, pair.near, [buffer.segment(0, 16)])
  }

  private static func badSockets(_ session: Session) throws(Failure) {
    let here = try session.here()
    let memory = try here.makeMemory(pages: 1)
    let segment = Segment(memory: memory.memory, offset: 0, length: 8, handle: 0x10)
    let descriptor = [UInt8](repeating: 0, count: 64)
    let fresh = try here.makeSocket()
    let request = try here.makeRequest()
    for kind in [TransferKind.send, .receive, .write] {
      let bytes = kind == .write ? descriptor : []
      try expect(
        try request.start(kind, fresh, [segment], bytes).error, WSAENOTCONN,
        "\(kind.name) without connection")
    }
    let pair = try session.pair()
    let closed = pair.near
    let handle = try here.newestHandle()
    try expect(try closed.close(), 0, "WSPCloseSocket")
    _ = try here.entries(of: handle, waiting: 2000)
    for kind in [TransferKind.send, .receive, .write] {
      let bytes = kind == .write ? descriptor : []
      try expect(
        try request.start(kind, closed, [segment], bytes).error, WSAENOTSOCK,
        "\(kind.name) on a closed descriptor")
    }
    let result = try request.poll(closed)
    try expect(
      result.result == 0, "WSPGetOverlappedResult on a closed descriptor: FALSE",
      "\(result.result)")
    try expect(result.error, WSAENOTSOCK, "WSPGetOverlappedResult on a closed descriptor")
    try expect(try closed.close(), WSAENOTSOCK, "WSPCloseSocket a second time")
    try expect(try closed.listen(), WSAENOTSOCK, "WSPListen on a closed descriptor")
    try expect(
      try closed.register(memory).error, WSAENOTSOCK, "WSPRegisterMemory on a closed descriptor")
    try expect(
      try closed.deregister(0), WSAENOTSOCK, "WSPDeregisterMemory on a closed descriptor")
  }
}
