import CWinsockDirect

// Section 10.4, the second half: memory that the peer may reach.
extension Catalog {
  static let remoteRegistrations: [Assertion] = [
    Assertion(41, .must, "too little room for a descriptor gives WSAEFAULT and the size") {
      session throws(Failure) in try descriptorSize(session)
    },
    Assertion(42, .must, "more room is used only as far as the length says") {
      session throws(Failure) in try ampleRoom(session)
    },
    Assertion(43, .must, "a descriptor is bytes that work in another process") {
      session throws(Failure) in try copiedDescriptor(session)
    },
    Assertion(44, .must, "altered, cut and replayed descriptors give WSAEINVAL") {
      session throws(Failure) in try badDescriptors(session)
    },
    Assertion(45, .must, "memory that the peer is reaching cannot be deregistered", seconds: 40) {
      session throws(Failure) in try reachedMemory(session)
    },
    Assertion(46, .must, "after WSPDeregisterRdmaMemory the peer cannot reach the memory") {
      session throws(Failure) in try concealed(session)
    },
    Assertion(47, .must, "the peer may read or write as it was said, whatever is cached") {
      session throws(Failure) in try peerAccess(session)
    },
    Assertion(48, .must, "a descriptor of one connection is refused on another") {
      session throws(Failure) in try otherConnection(session)
    },
    Assertion(49, .must, "after the close the peer cannot reach the memory") {
      session throws(Failure) in try closedConnection(session)
    },
    Assertion(50, .must, "memory registered for reading is no target for receives and reads") {
      session throws(Failure) in try localAccess(session)
    },
  ]

  private static func descriptorSize(_ session: Session) throws(Failure) {
    let near = try session.pair().near
    let memory = try near.party.makeMemory(pages: 1)
    let nothing = Buffer.nowhere(near.party, memory: -1, at: 0, length: 0)
    for (buffer, flags): (Buffer, INT) in [(memory, MEM_READ), (nothing, 99)] {
      let probe = try near.expose(buffer, flags, room: 0)
      try expect(probe.error, WSAEFAULT, "WSPRegisterRdmaMemory without room")
      try expect(
        (1...4096).contains(probe.length), "the size of a descriptor in *lpdwDescriptorLength",
        "\(probe.length)")
      try expect(probe.restIsUntouched, "nothing written without room", "something is")
    }
    let size = try near.expose(memory, MEM_READ, room: 0).length
    if size > 1 {
      let short = try near.expose(memory, MEM_READ, room: size - 1)
      try expect(short.error, WSAEFAULT, "WSPRegisterRdmaMemory with a byte too little")
      try expect(short.length == size, "the size \(size)", "\(short.length)")
    }
    let exact = try near.expose(memory, MEM_READ, room: size)
    try expect(exact.error, 0, "WSPRegisterRdmaMemory with the size it asked for")
    try expect((1...size).contains(exact.length), "at most \(size) bytes", "\(exact.length)")
    try expect(exact.restIsUntouched, "nothing written beyond the descriptor", "something is")
    try expect(try near.conceal(exact.descriptor), 0, "WSPDeregisterRdmaMemory")
  }

  private static func ampleRoom(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let size = try pair.near.expose(memory, MEM_WRITE, room: 0).length
    let ample = try pair.near.expose(memory, MEM_WRITE, room: size + 100)
    try expect(ample.error, 0, "WSPRegisterRdmaMemory with 100 bytes more room than it needs")
    try expect(
      ample.length <= size, "the true length, at most \(size), in *lpdwDescriptorLength",
      "\(ample.length)")
    try expect(ample.restIsUntouched, "nothing written beyond the descriptor", "something is")
    try expectMoved(
      try write(100, pair.far, to: ample.descriptor), 100, "WSPRdmaWrite with that descriptor")
    // The whole buffer goes through the control message as well.
    try expectMoved(
      try write(100, pair.far, to: ample.descriptor + [0, 0, 0, 0]), 100,
      "WSPRdmaWrite with four bytes behind the descriptor")
    try expect(try pair.near.conceal(ample.descriptor), 0, "WSPDeregisterRdmaMemory")
  }

  /// Writes bytes of a new buffer to the peer's memory; the error and the count.
  static func write(
    _ length: Int, _ socket: Socket, to descriptor: [UInt8], offset: Int = 0, seed: Int = 1
  ) throws(Failure) -> (error: INT, byteCount: Int) {
    let source = try socket.party.makeMemory(pages: (length + 4095) / 4096)
    try source.fill(seed)
    let buffer = try socket.registered(source, MEM_READ)
    return try socket.move(.write, [buffer.segment(0, length)], descriptor, offset: offset)
  }

  private static func copiedDescriptor(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    for kind in [MappedMemory.Kind.anonymous, .shared] {
      let memory = try pair.near.party.makeMemory(pages: 8, kind)
      let descriptor = try pair.near.exposed(memory, MEM_READWRITE)
      // The peer is another process: there the bytes are all that it has.
      try expectMoved(
        try write(memory.length, pair.far, to: descriptor, seed: 5), memory.length,
        "WSPRdmaWrite of another process")
      try memory.expect(5, "the data that another process wrote")
      try expect(try pair.near.conceal(descriptor), 0, "WSPDeregisterRdmaMemory")
    }
  }

  private static func badDescriptors(_ session: Session) throws(Failure) {
    let (pair, other) = (try session.pair(), try session.pair())
    let memory = try pair.near.party.makeMemory(pages: 1)
    let descriptor = try pair.near.exposed(memory, MEM_READ)
    for index in descriptor.indices {
      var altered = descriptor
      altered[index] ^= 0x41
      try expect(
        try pair.near.conceal(altered), WSAEINVAL,
        "WSPDeregisterRdmaMemory with byte \(index) altered")
    }
    try expect(
      try pair.near.conceal(descriptor.dropLast()), WSAEINVAL,
      "WSPDeregisterRdmaMemory with a byte too few")
    try expect(try pair.near.conceal([]), WSAEINVAL, "WSPDeregisterRdmaMemory of no bytes")
    try expect(
      try other.near.conceal(descriptor), WSAEINVAL,
      "WSPDeregisterRdmaMemory of another socket's descriptor")
    try expect(try pair.near.conceal(descriptor), 0, "WSPDeregisterRdmaMemory")
    try expect(
      try pair.near.conceal(descriptor), WSAEINVAL, "WSPDeregisterRdmaMemory a second time")
  }

  private static func reachedMemory(_ session: Session) throws(Failure) {
    for kind in [MappedMemory.Kind.shared, .anonymous] {
      let scene = try StoppedTransfer.make(session, kind)
      defer { scene.goOn() }
      let error = try scene.target.conceal(scene.descriptor)
      scene.goOn()
      try expect(
        error, WSAEINVAL, "WSPDeregisterRdmaMemory while the peer's WSPRdmaWrite is under way")
      try expectMoved(try scene.end(), scene.length, "that WSPRdmaWrite")
      try expect(
        try scene.target.conceal(scene.descriptor), 0,
        "WSPDeregisterRdmaMemory after the transfer")
    }
  }

  private static func concealed(_ session: Session) throws(Failure) {
    for adapter in try session.addresses().indices.prefix(2) {
      let pair = try session.pair(adapter: adapter)
      let memory = try pair.near.party.makeMemory(pages: 1)
      let descriptor = try pair.near.exposed(memory, MEM_WRITE)
      try expectMoved(try write(4096, pair.far, to: descriptor), 4096, "WSPRdmaWrite")
      try memory.expect(1, "the data that were written")
      try expect(try pair.near.conceal(descriptor), 0, "WSPDeregisterRdmaMemory")
      try memory.fill(2)
      let refused = try write(4096, pair.far, to: descriptor, seed: 3)
      try expectRefusal(refused.error, "WSPRdmaWrite after WSPDeregisterRdmaMemory")
      try memory.expect(2, "memory that the peer could not change any more")
    }
  }

  private static func peerAccess(_ session: Session) throws(Failure) {
    for flags in [MEM_READ, MEM_WRITE] {
      let pair = try session.pair()
      let memory = try pair.near.party.makeMemory(pages: 1)
      try memory.fill(1)
      // A wider registration, cached; and one in use.
      try expect(try pair.near.registered(memory).deregister(), 0, "WSPDeregisterMemory")
      _ = try pair.near.registered(memory)
      let wide = try pair.near.exposed(memory, MEM_READWRITE)
      try expect(try pair.near.conceal(wide), 0, "WSPDeregisterRdmaMemory")
      let descriptor = try pair.near.exposed(memory, flags)
      if flags == MEM_READ {
        let refused = try write(4096, pair.far, to: descriptor, seed: 2)
        try expectRefusal(refused.error, "WSPRdmaWrite to memory exposed with MEM_READ")
        try memory.expect(1, "memory that the peer may not write")
      } else if session.provider.offersRead {
        let target = try pair.far.party.makeMemory(pages: 1)
        let buffer = try pair.far.registered(target, MEM_WRITE)
        try target.fill(9)
        let refused = try pair.far.move(.read, [buffer.segment()], descriptor)
        try expectRefusal(refused.error, "WSPRdmaRead of memory exposed with MEM_WRITE")
        try target.expect(9, "nothing of what the peer may not read")
      }
    }
  }

  private static func otherConnection(_ session: Session) throws(Failure) {
    let (pair, other) = (try session.pair(), try session.pair())
    let memory = try pair.near.party.makeMemory(pages: 1)
    try memory.fill(1)
    let descriptor = try pair.near.exposed(memory, MEM_READWRITE)
    let refused = try write(4096, other.far, to: descriptor, seed: 2)
    try expectRefusal(refused.error, "WSPRdmaWrite with another connection's descriptor")
    try memory.expect(1, "memory that this connection was not given")
  }

  private static func closedConnection(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    try memory.fill(1)
    let descriptor = try pair.near.exposed(memory, MEM_READWRITE)
    let source = try pair.far.party.makeMemory(pages: 1)
    let buffer = try pair.far.registered(source, MEM_READ)
    try expect(try pair.near.close(), 0, "WSPCloseSocket")
    let refused = try pair.far.move(.write, [buffer.segment()], descriptor)
    try expectRefusal(refused.error, "WSPRdmaWrite after the peer's WSPCloseSocket")
    try memory.expect(1, "memory that the peer could not change any more")
  }

  private static func localAccess(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    try memory.fill(1)
    let readable = try pair.near.registered(memory, MEM_READ)
    let remote = try pair.far.party.makeMemory(pages: 1)
    try remote.fill(2)
    let request = try pair.near.party.makeRequest()
    let receiving = try request.start(.receive, pair.near, [readable.segment()])
    if receiving.isUnderWay {
      let source = try pair.far.registered(remote, MEM_READ)
      _ = try pair.far.move(.send, [source.segment(0, 100)])
      try expectRefusal(
        try request.end(pair.near).error, "WSPRecv into memory registered with MEM_READ")
    } else {
      try expectRefusal(receiving.error, "WSPRecv into memory registered with MEM_READ")
    }
    try memory.expect(1, "memory that was registered for reading only")
    if !session.provider.offersRead { return }
    let second = try session.pair()
    let again = try second.near.registered(memory, MEM_READ)
    let exposed = try second.far.exposed(remote, MEM_READWRITE)
    let read = try second.near.move(.read, [again.segment()], exposed)
    try expectRefusal(read.error, "WSPRdmaRead into memory registered with MEM_READ")
    try memory.expect(1, "memory that was registered for reading only")
  }
}
