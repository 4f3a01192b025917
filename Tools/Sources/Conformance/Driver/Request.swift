import CWinsockDirect

/// An overlapped structure of a party.
struct Request {
  let party: Party
  let number: Int

  /// What a call gave that starts a transfer.
  struct Started {
    /// 0 where it has ended at once; else most often WSA_IO_PENDING.
    let error: INT
    let byteCount: Int
    /// `Internal`, as soon as the call had returned.
    let state: Int
    let microseconds: Int

    var isUnderWay: Bool { error == WSA_IO_PENDING }
  }

  func start(
    _ kind: TransferKind, _ socket: Socket, _ segments: [Segment], _ descriptor: [UInt8] = [],
    offset: Int = 0
  ) throws(Failure) -> Started {
    let numbers = try party.ask(
      .transfer, arguments(kind, socket, segments, offset: offset), descriptor
    ).numbers
    return Started(
      error: INT(numbers[0]), byteCount: numbers[1], state: numbers[2], microseconds: numbers[3])
  }

  /// Has another process start it, whose answer nobody needs.
  func tellToStart(
    _ kind: TransferKind, _ socket: Socket, _ segments: [Segment], _ descriptor: [UInt8] = []
  ) {
    party.tell(.transfer, arguments(kind, socket, segments, offset: 0), descriptor)
  }

  private func arguments(
    _ kind: TransferKind, _ socket: Socket, _ segments: [Segment], offset: Int
  ) -> [Int] {
    [kind.rawValue, number, socket.descriptor, offset, 0]
      + segments.flatMap { [$0.memory, $0.offset, $0.length, $0.handle] }
  }

  /// Starts it where that must succeed; the byte count where it has ended already.
  @discardableResult
  func begin(
    _ kind: TransferKind, _ socket: Socket, _ segments: [Segment], _ descriptor: [UInt8] = [],
    offset: Int = 0
  ) throws(Failure) -> Int? {
    let started = try start(kind, socket, segments, descriptor, offset: offset)
    if started.isUnderWay { return nil }
    if started.error == 0 { return started.byteCount }
    throw .violated(
      expected: "\(kind.name): success or WSA_IO_PENDING", actual: ErrorName.text(started.error))
  }

  /// Waits for the end: the error and the count; WSA_IO_INCOMPLETE where it does not come.
  func end(_ socket: Socket, milliseconds: Int = 5000) throws(Failure) -> (
    error: INT, byteCount: Int
  ) {
    let numbers = try party.ask(.wait, [number, socket.descriptor, milliseconds]).numbers
    return (INT(numbers[0]), numbers[1])
  }

  /// Starts it and waits for the end.
  func run(
    _ kind: TransferKind, _ socket: Socket, _ segments: [Segment], _ descriptor: [UInt8] = [],
    offset: Int = 0
  ) throws(Failure) -> (error: INT, byteCount: Int) {
    let started = try start(kind, socket, segments, descriptor, offset: offset)
    if started.error == 0 { return (0, started.byteCount) }
    if !started.isUnderWay { return (started.error, 0) }
    let ended = try end(socket)
    if ended.error == WSA_IO_INCOMPLETE {
      throw .violated(
        expected: "\(kind.name) to end", actual: "nothing has come for 5 seconds")
    }
    return ended
  }

  /// WSPGetOverlappedResult.
  func poll(_ socket: Socket, waits: Bool = false) throws(Failure) -> (
    result: Int, error: INT, byteCount: DWORD
  ) {
    let numbers = try party.ask(.poll, [number, socket.descriptor, waits ? 1 : 0]).numbers
    return (numbers[0], INT(numbers[1]), DWORD(numbers[2]))
  }

  /// The upcalls that were made for it: the switch's descriptor, the error and the count of each.
  func completions() throws(Failure) -> [(handle: Int, error: INT, byteCount: Int)] {
    let numbers = try party.ask(.completions, [number]).numbers
    return stride(from: 0, to: numbers.count, by: 3).map {
      (numbers[$0], INT(numbers[$0 + 1]), numbers[$0 + 2])
    }
  }

  /// `Internal`, `InternalHigh` and `OffsetHigh`.
  func state() throws(Failure) -> (state: Int, byteCount: Int, error: INT) {
    let numbers = try party.ask(.state, [number]).numbers
    return (numbers[0], numbers[1], INT(truncatingIfNeeded: numbers[2]))
  }
}
