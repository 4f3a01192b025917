import CWinsockDirect

/// A provider's socket in one of the processes.
struct Socket {
  let party: Party
  let descriptor: Int

  private func error(_ verb: Verb, _ numbers: [Int] = [], _ bytes: [UInt8] = [])
    throws(Failure) -> INT
  {
    INT(try party.ask(verb, [descriptor] + numbers, bytes).numbers[0])
  }

  func bind(_ address: Int, port: Int = 0) throws(Failure) -> INT {
    try error(.bind, [address, port])
  }

  func listen(_ backlog: Int = 8) throws(Failure) -> INT { try error(.listen, [backlog]) }

  func select(_ event: Event?, _ events: LONG) throws(Failure) -> INT {
    try error(.select, [event?.number ?? 0, Int(events)])
  }

  func connect(_ address: Int, port: Int) throws(Failure) -> INT {
    try error(.connect, [address, port])
  }

  /// WSPEnumNetworkEvents: the error, the events, and what FD_CONNECT came with.
  func events(_ event: Event?) throws(Failure) -> (error: INT, events: LONG, connectError: INT) {
    let numbers = try party.ask(.events, [descriptor, event?.number ?? 0]).numbers
    return (INT(numbers[0]), LONG(numbers[1]), INT(numbers[3]))
  }

  /// WSPAccept, with a condition function that gives `answer`, or without.
  func accept(answering answer: INT? = nil) throws(Failure) -> Accepted {
    Accepted(party, try party.ask(.accept, [descriptor, Int(answer ?? -1)]).numbers)
  }

  @discardableResult
  func close() throws(Failure) -> INT { try error(.close) }

  /// WSPGetSockOpt with `room` bytes: the error, eight bytes that were 0xEE, and the length.
  func option(
    _ option: INT, level: INT = WSA_SOL_SOCKET, room: Int = 4
  ) throws(Failure) -> (error: INT, value: UInt64, length: Int) {
    let numbers = try party.ask(.option, [descriptor, Int(level), Int(option), room]).numbers
    return (INT(numbers[0]), UInt64(bitPattern: Int64(numbers[1])), numbers[2])
  }

  // MARK: Registrations

  /// WSPRegisterMemory: the handle, 0 for none, and *lpErrno.
  func register(
    _ buffer: Buffer, _ flags: INT = MEM_READWRITE
  ) throws(Failure) -> (handle: Int, error: INT) {
    let numbers = try party.ask(
      .register, [descriptor, buffer.memory, buffer.offset, buffer.length, Int(flags)]
    ).numbers
    return (numbers[0], INT(truncatingIfNeeded: numbers[1]))
  }

  /// The same, where it has to succeed.
  func registered(
    _ buffer: Buffer, _ flags: INT = MEM_READWRITE
  ) throws(Failure) -> Registered {
    let (handle, error) = try register(buffer, flags)
    if handle == 0 {
      throw .violated(
        expected: "WSPRegisterMemory of \(buffer.length) bytes: a handle",
        actual: ErrorName.text(error))
    }
    return Registered(socket: self, buffer: buffer, handle: handle)
  }

  func deregister(_ handle: Int) throws(Failure) -> INT { try error(.deregister, [handle]) }

  /// WSPRegisterRdmaMemory with `room` bytes for the descriptor.
  func expose(_ buffer: Buffer, _ flags: INT, room: Int) throws(Failure) -> Exposure {
    let reply = try party.ask(
      .expose, [descriptor, buffer.memory, buffer.offset, buffer.length, Int(flags), room])
    return Exposure(
      error: INT(reply.numbers[0]), length: reply.numbers[1], room: room, bytes: reply.bytes)
  }

  /// The same, where it has to succeed: the descriptor's bytes.
  func exposed(_ buffer: Buffer, _ flags: INT) throws(Failure) -> [UInt8] {
    let exposure = try expose(buffer, flags, room: Exposure.ample)
    if exposure.error != 0 {
      throw .violated(
        expected: "WSPRegisterRdmaMemory of \(buffer.length) bytes: success",
        actual: ErrorName.text(exposure.error))
    }
    return exposure.descriptor
  }

  func conceal(_ bytes: [UInt8]) throws(Failure) -> INT { try error(.conceal, [], bytes) }

  // MARK: Transfers

  /// Moves data and waits for the end; the error with which it was refused or ended, and the count.
  func move(
    _ kind: TransferKind, _ segments: [Segment], _ descriptor: [UInt8] = [], offset: Int = 0,
    polled: Bool = true
  ) throws(Failure) -> (error: INT, byteCount: Int) {
    let request = try party.makeRequest(polled: polled)
    return try request.run(kind, self, segments, descriptor, offset: offset)
  }
}
