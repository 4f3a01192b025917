import CWinsockDirect

// Section 10.4, the first half: memory that the NIC uses for us.
extension Catalog {
  static let registrations: [Assertion] = [
    Assertion(34, .must, "registering on an unconnected socket gives WSAENOTCONN") {
      session throws(Failure) in try unconnected(session)
    },
    Assertion(35, .must, "bad flags give WSAEINVAL; bad buffers give WSAEFAULT") {
      session throws(Failure) in try badArguments(session)
    },
    Assertion(36, .must, "success is a handle, and 0 in lpErrno") {
      session throws(Failure) in
      let pair = try session.pair()
      let answer = try pair.near.register(try pair.near.party.makeMemory(pages: 1))
      try expect(answer.handle != 0, "a handle from WSPRegisterMemory", "NULL")
      try expect(answer.error, 0, "*lpErrno after WSPRegisterMemory")
    },
    Assertion(37, .must, "registered twice, deregistered twice; in between the memory works") {
      session throws(Failure) in try counted(session)
    },
    Assertion(38, .must, "deregistering on one socket leaves the other working") {
      session throws(Failure) in try twoSockets(session)
    },
    Assertion(39, .must, "handles never given, given back, or another socket's give WSAEINVAL") {
      session throws(Failure) in try badHandles(session)
    },
    Assertion(40, .must, "memory that a transfer uses cannot be deregistered") {
      session throws(Failure) in try inUse(session)
    },
  ]

  private static func unconnected(_ session: Session) throws(Failure) {
    let socket = try session.here().makeSocket()
    let memory = try socket.party.makeMemory(pages: 1)
    let answer = try socket.register(memory)
    try expect(answer.handle == 0, "NULL from WSPRegisterMemory without connection", "a handle")
    try expect(answer.error, WSAENOTCONN, "WSPRegisterMemory without connection")
    try expect(
      try socket.expose(memory, MEM_READ, room: Exposure.ample).error, WSAENOTCONN,
      "WSPRegisterRdmaMemory without connection")
  }

  private static func badArguments(_ session: Session) throws(Failure) {
    let near = try session.pair().near
    let here = near.party
    let memory = try here.makeMemory(pages: 4)
    for flags: INT in [0, 4, 7, -1] {
      let answer = try near.register(memory, flags)
      try expect(answer.handle == 0, "NULL for flags \(flags)", "a handle")
      try expect(answer.error, WSAEINVAL, "WSPRegisterMemory with flags \(flags)")
      try expect(
        try near.expose(memory, flags, room: Exposure.ample).error, WSAEINVAL,
        "WSPRegisterRdmaMemory with flags \(flags)")
    }
    try here.ask(.unmap, [memory.memory, 2 * 4096, 4096])
    let buffers: [(buffer: Buffer, name: String)] = [
      (.nowhere(here, memory: -1, at: 0, length: 100), "NULL"),
      (memory.part(2 * 4096, 100), "an unmapped buffer"),
      (memory, "a buffer with a page unmapped in it"),
      (memory.part(4096, 4097), "a buffer whose last byte is unmapped"),
      (.nowhere(here, at: -100, length: 4096), "a buffer that wraps around"),
      (.nowhere(here, at: memory.address, length: 0xFFFF_F000), "a buffer of 4 GiB"),
    ]
    for (buffer, name) in buffers {
      let answer = try near.register(buffer)
      try expect(answer.handle == 0, "NULL for \(name)", "a handle")
      try expect(answer.error, WSAEFAULT, "WSPRegisterMemory of \(name)")
      try expect(
        try near.expose(buffer, MEM_READ, room: Exposure.ample).error, WSAEFAULT,
        "WSPRegisterRdmaMemory of \(name)")
    }
    _ = try near.registered(memory.part(0, 2 * 4096))
  }

  private static func counted(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let first = try pair.near.registered(memory)
    let second = try pair.near.registered(memory)
    try expect(try first.deregister(), 0, "the first WSPDeregisterMemory of two")
    try exchange(from: pair.near, second, to: pair.far)
    try expect(try second.deregister(), 0, "the second WSPDeregisterMemory of two")
    try expect(try second.deregister(), WSAEINVAL, "a third WSPDeregisterMemory")
  }

  private static func twoSockets(_ session: Session) throws(Failure) {
    let (first, second) = (try session.pair(), try session.pair())
    let memory = try first.near.party.makeMemory(pages: 1)
    let buffers = (try first.near.registered(memory), try second.near.registered(memory))
    try expect(try buffers.0.deregister(), 0, "WSPDeregisterMemory on the first socket")
    try exchange(from: second.near, buffers.1, to: second.far)
    try expect(try buffers.1.deregister(), 0, "WSPDeregisterMemory on the second socket")
  }

  private static func badHandles(_ session: Session) throws(Failure) {
    let (first, second) = (try session.pair(), try session.pair())
    let memory = try first.near.party.makeMemory(pages: 1)
    let buffer = try first.near.registered(memory)
    for handle in [0, 1, 0x77, 0xFFFF_FFFF, memory.address, -1] where handle != buffer.handle {
      try expect(
        try first.near.deregister(handle), WSAEINVAL,
        "WSPDeregisterMemory of the handle \(handle), which nobody was given")
    }
    let other = try second.near.registered(memory)
    if other.handle != buffer.handle {
      try expect(
        try second.near.deregister(buffer.handle), WSAEINVAL,
        "WSPDeregisterMemory of another socket's handle")
    }
    try expect(try buffer.deregister(), 0, "WSPDeregisterMemory")
    try expect(try buffer.deregister(), WSAEINVAL, "WSPDeregisterMemory a second time")
  }

  private static func inUse(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let buffer = try pair.near.registered(memory)
    let receiving = try pair.near.party.makeRequest()
    try receiving.begin(.receive, pair.near, [buffer.segment(0, 100)])
    try expect(try buffer.deregister(), WSAEINVAL, "WSPDeregisterMemory under a pending receive")
    let source = try pair.far.party.makeMemory(pages: 1)
    try source.fill(3)
    let message = try pair.far.registered(source, MEM_READ)
    try expectMoved(try pair.far.move(.send, [message.segment(0, 100)]), 100, "WSPSend")
    try expectMoved(try receiving.end(pair.near), 100, "the pending receive")
    try memory.part(0, 100).expect(3, "the message as it was sent")
    try expect(try buffer.deregister(), 0, "WSPDeregisterMemory after the transfer")
  }
}
