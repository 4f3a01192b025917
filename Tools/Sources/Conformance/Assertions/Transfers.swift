import CWinsockDirect

// Section 10.6, the middle: what arrives, where, and in which order.
extension Catalog {
  static let transfers: [Assertion] = [
    Assertion(66, .must, "WSPRdmaWrite changes exactly its bytes, gathered in order") {
      session throws(Failure) in try gather(session)
    },
    Assertion(67, .must, "WSPRdmaRead fills the list in order, from the offset") {
      session throws(Failure) in try scatter(session)
    },
    Assertion(68, .must, "beyond the registered buffer nothing can be reached") {
      session throws(Failure) in try bounds(session)
    },
    Assertion(69, .must, "a send after a WSPRdmaWrite arrives when the data are there") {
      session throws(Failure) in try sendAfterWrite(session)
    },
    Assertion(70, .inferred, "a send after a WSPRdmaRead does not overtake it") {
      session throws(Failure) in try sendAfterRead(session)
    },
    Assertion(71, .must, "messages keep their edges and their order") {
      session throws(Failure) in try messages(session)
    },
    Assertion(72, .must, "the arrays may be overwritten as soon as the call returns") {
      session throws(Failure) in try overwrittenArrays(session)
    },
  ]

  private static func gather(_ session: Session) throws(Failure) {
    let adapters = try session.addresses().indices.prefix(2)
    for (adapter, kind) in zip(adapters, [MappedMemory.Kind.anonymous, .shared]) {
      let pair = try session.pair(adapter: adapter)
      let source = try pair.near.party.makeMemory(pages: 4, kind)
      try source.fill(1)
      let target = try pair.far.party.makeMemory(pages: 4, kind)
      try target.fill(200)
      let buffer = try pair.near.registered(source, MEM_READ)
      let other = try pair.near.registered(source, MEM_READ)
      let descriptor = try pair.far.exposed(target, MEM_WRITE)
      let parts = [buffer.segment(5000, 3001), other.segment(17, 1), buffer.segment(0, 4097)]
      try expectMoved(
        try pair.near.move(.write, parts, descriptor, offset: 1001), 7099, "WSPRdmaWrite")
      try target.part(1001, 3001).expect(1, place: 5000, "the first buffer, at the offset")
      try target.part(4002, 1).expect(1, place: 17, "the second buffer, behind it")
      try target.part(4003, 4097).expect(1, "the third buffer, behind it")
      try target.part(0, 1001).expect(200, "nothing changed before the offset")
      try target.part(8100, 16384 - 8100).expect(
        200, place: 8100, "nothing changed behind the last byte")
    }
  }

  private static func scatter(_ session: Session) throws(Failure) {
    let adapters = try session.addresses().indices.prefix(2)
    for (adapter, kind) in zip(adapters, [MappedMemory.Kind.anonymous, .shared]) {
      let pair = try session.pair(adapter: adapter)
      let local = try pair.near.party.makeMemory(pages: 4, kind)
      try local.fill(200)
      let remote = try pair.far.party.makeMemory(pages: 4, kind)
      try remote.fill(1)
      let buffer = try pair.near.registered(local, MEM_WRITE)
      let descriptor = try pair.far.exposed(remote, MEM_READ)
      let parts = [buffer.segment(9000, 5000), buffer.segment(3, 2222)]
      try expectMoved(
        try pair.near.move(.read, parts, descriptor, offset: 777, polled: false), 7222,
        "WSPRdmaRead")
      try local.part(9000, 5000).expect(1, place: 777, "the first buffer, from the offset")
      try local.part(3, 2222).expect(1, place: 5777, "the second buffer, after it")
      try local.part(0, 3).expect(200, "nothing changed before the buffers")
      try local.part(2225, 6775).expect(200, place: 2225, "nothing changed between them")
      try local.part(14000, 2384).expect(200, place: 14000, "nothing changed behind them")
    }
  }

  private static func bounds(_ session: Session) throws(Failure) {
    // A buffer inside a page, inside a region that is cached as a whole.
    for (offset, length) in [(1, 3000), (2900, 200), (3000, 1), (4096, 3000), (-1, 3000)] {
      let pair = try session.pair()
      let memory = try pair.near.party.makeMemory(pages: 4)
      try memory.fill(1)
      try expect(try pair.near.registered(memory).deregister(), 0, "WSPDeregisterMemory")
      let wide = try pair.near.exposed(memory, MEM_READWRITE)
      try expect(try pair.near.conceal(wide), 0, "WSPDeregisterRdmaMemory")
      let descriptor = try pair.near.exposed(memory.part(4096, 3000), MEM_WRITE)
      let refused = try write(
        length, pair.far, to: descriptor, offset: offset & 0xFFFF_FFFF, seed: 2)
      try expectRefusal(
        refused.error, "WSPRdmaWrite of \(length) bytes at \(offset) of a buffer of 3000")
      try memory.part(0, 4096).expect(1, "nothing written before the buffer")
      try memory.part(7096, 9288).expect(1, place: 7096, "nothing written behind the buffer")
    }
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let descriptor = try pair.near.exposed(memory.part(0, 3000), MEM_WRITE)
    try expectMoved(
      try write(1000, pair.far, to: descriptor, offset: 2000), 1000,
      "WSPRdmaWrite up to the last byte")
  }

  private static func sendAfterWrite(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let source = try pair.near.party.makeMemory(pages: 16)
    let buffer = try pair.near.registered(source, MEM_READ)
    let target = try pair.far.party.makeMemory(pages: 16)
    let descriptor = try pair.far.exposed(target, MEM_WRITE)
    let room = try pair.far.registered(try pair.far.party.makeMemory(pages: 1), MEM_WRITE)
    for round in 1...12 {
      try source.fill(round)
      let receiving = try pair.far.party.makeRequest()
      _ = try receiving.begin(.receive, pair.far, [room.segment(0, 100)])
      let (writing, sending) = (
        try pair.near.party.makeRequest(), try pair.near.party.makeRequest()
      )
      let wrote = try writing.begin(.write, pair.near, [buffer.segment()], descriptor)
      let sent = try sending.begin(.send, pair.near, [buffer.segment(0, 1)])
      try expectMoved(try receiving.end(pair.far), 1, "the message behind a WSPRdmaWrite")
      try target.expect(round, "the data that were written before the message")
      if wrote == nil { try expect(try writing.end(pair.near).error, 0, "WSPRdmaWrite") }
      if sent == nil { try expect(try sending.end(pair.near).error, 0, "WSPSend") }
    }
  }

  private static func sendAfterRead(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let local = try pair.near.party.makeMemory(pages: 64)
    let buffer = try pair.near.registered(local)
    let remote = try pair.far.party.makeMemory(pages: 64)
    let descriptor = try pair.far.exposed(remote, MEM_READ)
    let room = try pair.far.registered(try pair.far.party.makeMemory(pages: 1), MEM_WRITE)
    for round in 1...6 {
      try remote.fill(round)
      let receiving = try pair.far.party.makeRequest()
      _ = try receiving.begin(.receive, pair.far, [room.segment(0, 100)])
      let (reading, sending) = (
        try pair.near.party.makeRequest(), try pair.near.party.makeRequest()
      )
      let read = try reading.begin(.read, pair.near, [buffer.segment()], descriptor)
      let sent = try sending.begin(.send, pair.near, [buffer.segment(0, 1)])
      try expectMoved(try receiving.end(pair.far), 1, "the message behind a WSPRdmaRead")
      // The peer may use its memory again now.
      try remote.fill(round + 100)
      if read == nil {
        try expectMoved(try reading.end(pair.near), local.length, "WSPRdmaRead")
      }
      try local.expect(round, "the data as they were before the message")
      if sent == nil { try expect(try sending.end(pair.near).error, 0, "WSPSend") }
    }
  }

  private static func messages(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let source = try pair.near.party.makeMemory(pages: 1)
    try source.fill(1)
    let buffer = try pair.near.registered(source, MEM_READ)
    let target = try pair.far.party.makeMemory(pages: 4)
    let room = try pair.far.registered(target, MEM_WRITE)
    var requests: [Request] = []
    for index in 0..<6 {
      let request = try pair.far.party.makeRequest(polled: index % 2 == 0)
      _ = try request.begin(.receive, pair.far, [room.segment(2000 * index, 2000)])
      requests.append(request)
    }
    let lengths = [1, 256, 37, 1500, 2000, 5]
    for (index, length) in lengths.enumerated() {
      try expectMoved(
        try pair.near.move(.send, [buffer.segment(index, length)]), length, "WSPSend")
    }
    for (index, length) in lengths.enumerated() {
      try expectMoved(
        try requests[index].end(pair.far), length, "receive \(index + 1) of 6, in order")
      try target.part(2000 * index, length).expect(1, place: index, "message \(index + 1)")
    }
  }

  private static func overwrittenArrays(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let source = try pair.near.party.makeMemory(pages: 64)
    let buffer = try pair.near.registered(source, MEM_READ)
    let target = try pair.far.party.makeMemory(pages: 64)
    let descriptor = try pair.far.exposed(target, MEM_WRITE)
    // The arrays of every transfer of this tool are overwritten when its call returns; here several
    // are under way at a time.
    var requests: [(request: Request, isOver: Bool)] = []
    try source.fill(4)
    for index in 0..<4 {
      let request = try pair.near.party.makeRequest()
      let part = buffer.segment(index * 65536, 65536)
      let halves = [
        Segment(memory: part.memory, offset: part.offset, length: 30000, handle: part.handle),
        Segment(
          memory: part.memory, offset: part.offset + 30000, length: 35536, handle: part.handle),
      ]
      let done = try request.begin(.write, pair.near, halves, descriptor, offset: index * 65536)
      requests.append((request, done != nil))
    }
    for (request, isOver) in requests where !isOver {
      try expectMoved(try request.end(pair.near), 65536, "WSPRdmaWrite")
    }
    try target.expect(4, "the data that the arrays named during the calls")
  }
}
