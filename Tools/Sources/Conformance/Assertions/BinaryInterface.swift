import CWinsockDirect

// Section 10.1: the binary interface, as far as it shows in what a provider does with it.
extension Catalog {
  static let binaryInterface: [Assertion] = [
    Assertion(1, .must, "the structures that the provider fills have their layouts") {
      session throws(Failure) in try layouts(session)
    },
    Assertion(2, .must, "completions come through the last of the 16 upcalls") {
      session throws(Failure) in try lastUpcall(session)
    },
    Assertion(3, .must, "the numbers for pending, incomplete, aborted and in progress") {
      session throws(Failure) in try numbers(session)
    },
    Assertion(4, .must, "MEM_READ, MEM_WRITE and MEM_READWRITE are 1, 2 and 3") {
      session throws(Failure) in try accessFlags(session)
    },
    Assertion(5, .must, "WSPStartupEx is all that the switch needs to find") {
      session throws(Failure) in _ = try session.here()
    },
  ]

  /// Starts with guards behind what the provider fills.
  private static func layouts(_ session: Session) throws(Failure) {
    try expect(MemoryLayout<WSPDATA>.size == 516, "WSPDATA of 516 bytes", "another size")
    try expect(MemoryLayout<WSPPROC_TABLE>.size == 240, "a table of 240 bytes", "another size")
    let guardBytes = 256
    func guarded(_ size: Int) -> UnsafeMutableRawBufferPointer {
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: size + guardBytes, alignment: 16)
      memory.initializeMemory(as: UInt8.self, repeating: 0xEE)
      return memory
    }
    func isWhole(_ memory: UnsafeMutableRawBufferPointer) -> Bool {
      memory.suffix(guardBytes).allSatisfy { $0 == 0xEE }
    }
    let (data, table) = (guarded(516), guarded(240))
    session.note("WSPStartupEx")
    let code = session.provider.startUp(
      0x0202, data.baseAddress?.assumingMemoryBound(to: WSPDATA.self),
      TransportInformation.pointer, UpcallTable.pointer,
      table.baseAddress?.assumingMemoryBound(to: WSPPROC_TABLE.self))
    try expect(code, 0, "WSPStartupEx")
    try expect(isWhole(data), "nothing written behind WSPDATA", "something is")
    try expect(isWhole(table), "nothing written behind WSPPROC_TABLE", "something is")
    let version = data.load(as: UInt16.self)
    try expect(version == 0x0202, "wVersion 2.2 at offset 0", "\(version)")
  }

  private static func lastUpcall(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    let buffer = try pair.near.registered(memory)
    let request = try pair.near.party.makeRequest(polled: false)
    try request.begin(.receive, pair.near, [buffer.segment()])
    try pair.near.close()
    let ended = try request.end(pair.near)
    try expect(
      ended.error, WSA_OPERATION_ABORTED, "WPUCompleteOverlappedRequest for a pending receive")
    try expectNoMistake(session)
  }

  private static func numbers(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let buffer = try pair.near.registered(try pair.near.party.makeMemory(pages: 1))
    let request = try pair.near.party.makeRequest()
    let started = try request.start(.receive, pair.near, [buffer.segment()])
    try expect(started.error, 997, "WSPRecv with nothing to receive")
    try expect(started.state == 0x103, "Internal 0x103", "\(started.state)")
    let polled = try request.poll(pair.near)
    try expect(polled.result == 0, "WSPGetOverlappedResult: FALSE", "\(polled.result)")
    try expect(polled.error, 996, "WSPGetOverlappedResult of a pending receive")
    try pair.near.close()
    let state = try request.state()
    try expect(state.error, 995, "OffsetHigh of a receive that was pending at the close")
  }

  private static func accessFlags(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let memory = try pair.near.party.makeMemory(pages: 1)
    for flags: INT in [1, 2, 3] {
      _ = try pair.near.registered(memory, flags)
      _ = try pair.near.exposed(memory, flags)
    }
    for flags: INT in [0, 4] {
      try expect(try pair.near.register(memory, flags).error, WSAEINVAL, "flags \(flags)")
    }
    for option: INT in [0x700D, 0x700E] {
      let answer = try pair.near.option(option)
      try expect(
        answer.error, in: [0, WSAENOPROTOOPT],
        "WSPGetSockOpt of 0x\(String(option, radix: 16))")
    }
  }

  /// Fails where the provider has made an upcall with something that nobody gave it.
  static func expectNoMistake(_ session: Session) throws(Failure) {
    let mistake = try session.here().ask(.mistake).bytes
    if mistake.isEmpty { return }
    throw .violated(
      expected: "upcalls with the switch's descriptors and events",
      actual: String(decoding: mistake, as: UTF8.self))
  }
}
