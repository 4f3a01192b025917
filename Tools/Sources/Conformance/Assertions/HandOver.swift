import CWinsockDirect
import Glibc

// Section 10.7, the second half: WSPDuplicateSocket, and what must be left of all of it.
extension Catalog {
  static let handOver: [Assertion] = [
    Assertion(82, .must, "WSPDuplicateSocket ends pending receives with success and 0 bytes") {
      session throws(Failure) in try pendingReceives(session)
    },
    Assertion(83, .must, "the named process gets a connected socket, and the peer sees nothing") {
      session throws(Failure) in try handedOver(session)
    },
    Assertion(84, .must, "what identifies the socket works once, in the named process") {
      session throws(Failure) in try usedOnce(session)
    },
    Assertion(85, .must, "a socket can come back to its first process") {
      session throws(Failure) in try swappedBack(session)
    },
    Assertion(86, .must, "a descriptor handed over is not given out again before its close") {
      session throws(Failure) in try reserved(session)
    },
    Assertion(87, .should, "the death of the process in control reaches the peer", seconds: 30) {
      session throws(Failure) in try death(session)
    },
    Assertion(88, .inferred, "nothing is left: no handle, no pinned byte") {
      session throws(Failure) in try nothingLeft(session)
    },
  ]

  /// WSPDuplicateSocket; the structure for the other process.
  private static func duplicate(_ socket: Socket, to party: Party) throws(Failure) -> [UInt8] {
    let reply = try socket.party.ask(.duplicate, [socket.descriptor, Int(party.pid)])
    let error = INT(reply.numbers[0])
    if error == WSAEOPNOTSUPP { throw .notApplicable("the provider hands no sockets over") }
    try expect(error, 0, "WSPDuplicateSocket")
    return reply.bytes
  }

  /// WSPSocket with that structure: the descriptor, -1 for none, and the error.
  private static func revive(
    _ party: Party, _ bytes: [UInt8]
  ) throws(Failure) -> (descriptor: Int, error: INT) {
    let numbers = try party.ask(.revive, [], bytes).numbers
    return (numbers[0], INT(numbers[1]))
  }

  /// The same, where it has to succeed.
  private static func revived(_ party: Party, _ bytes: [UInt8]) throws(Failure) -> Socket {
    let answer = try revive(party, bytes)
    try expect(
      answer.descriptor != -1, "WSPSocket with dwProviderReserved: a descriptor",
      ErrorName.text(answer.error))
    return Socket(party: party, descriptor: answer.descriptor)
  }

  private static func pendingReceives(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let buffer = try pair.near.registered(try here.makeMemory(pages: 1))
    let requests = [try here.makeRequest(), try here.makeRequest(polled: false)]
    for (index, request) in requests.enumerated() {
      try request.begin(.receive, pair.near, [buffer.segment(100 * index, 100)])
    }
    let other = try session.makePeer(named: "the process that gets the socket")
    _ = try duplicate(pair.near, to: other)
    for request in requests {
      let ended = try request.end(pair.near)
      try expectMoved(ended, 0, "a receive that was pending at WSPDuplicateSocket")
    }
    try expect(try buffer.deregister(), in: [0, WSAEINVAL], "WSPDeregisterMemory afterwards")
  }

  /// Sends a message each way.
  private static func converse(_ first: Socket, _ second: Socket) throws(Failure) {
    for (sender, receiver) in [(first, second), (second, first)] {
      let source = try sender.registered(try sender.party.makeMemory(pages: 1))
      try exchange(from: sender, source, to: receiver)
    }
  }

  private static func handedOver(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    try converse(pair.near, pair.far)
    // The peer has a receive posted all the while.
    let target = try pair.far.party.makeMemory(pages: 1)
    let room = try pair.far.registered(target, MEM_WRITE)
    let waiting = try pair.far.party.makeRequest()
    try waiting.begin(.receive, pair.far, [room.segment(0, 100)])
    let other = try session.makePeer(named: "the process that gets the socket")
    let socket = try revived(other, try duplicate(pair.near, to: other))
    let state = try waiting.poll(pair.far)
    try expect(
      state.error, WSA_IO_INCOMPLETE, "the peer's receive after the socket was handed over")
    let memory = try other.makeMemory(pages: 1)
    try memory.fill(6)
    let source = try socket.registered(memory, MEM_READ)
    try expectMoved(
      try socket.move(.send, [source.segment(0, 50)]), 50, "WSPSend of the new process")
    try expectMoved(try waiting.end(pair.far), 50, "the peer's receive")
    try target.part(0, 50).expect(6, "the message as it was sent")
    try converse(pair.far, socket)
    let exposed = try socket.exposed(memory, MEM_WRITE)
    try expectMoved(
      try write(4096, pair.far, to: exposed, seed: 8), 4096, "WSPRdmaWrite to the new process")
    try memory.expect(8, "the data that the peer wrote")
    _ = try pair.near.close()
    try converse(socket, pair.far)
  }

  private static func usedOnce(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let other = try session.makePeer(named: "the process that gets the socket")
    let stranger = try session.makePeer(named: "a process that was not named")
    let bytes = try duplicate(pair.near, to: other)
    let theft = try revive(stranger, bytes)
    try expect(
      theft.descriptor == -1, "WSPSocket in a process that was not named: INVALID_SOCKET",
      "a descriptor")
    let socket = try revived(other, bytes)
    let again = try revive(other, bytes)
    try expect(
      again.descriptor == -1, "WSPSocket a second time: INVALID_SOCKET", "a descriptor")
    try converse(socket, pair.far)
  }

  private static func swappedBack(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let other = try session.makePeer(named: "the process that gets the socket")
    let socket = try revived(other, try duplicate(pair.near, to: other))
    try converse(socket, pair.far)
    let handles = try here.ask(.openHandles).numbers[1]
    let back = try revived(here, try duplicate(socket, to: here))
    let made = try here.ask(.openHandles).numbers[1] - handles
    if back.descriptor == pair.near.descriptor {
      try expect(made == 0, "no new WPUCreateSocketHandle for a revived descriptor", "\(made)")
    } else {
      try expect(made == 1, "one WPUCreateSocketHandle for a new descriptor", "\(made)")
      try expect(try pair.near.close(), 0, "WSPCloseSocket of the old descriptor")
    }
    try converse(back, pair.far)
  }

  private static func reserved(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let other = try session.makePeer(named: "the process that gets the socket")
    _ = try revived(other, try duplicate(pair.near, to: other))
    for _ in 0..<20 {
      let socket = try here.makeSocket()
      try expect(
        socket.descriptor != pair.near.descriptor, "another descriptor than the one handed over",
        "the same")
    }
    try expect(try pair.near.close(), 0, "WSPCloseSocket of the one handed over")
  }

  private static func death(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let buffer = try pair.near.registered(try here.makeMemory(pages: 1))
    let request = try here.makeRequest()
    try request.begin(.receive, pair.near, [buffer.segment(0, 100)])
    let before = Stopwatch()
    pair.far.party.signal(SIGKILL)
    let ended = try request.end(pair.near, milliseconds: 15_000)
    try expect(
      ended.error, in: [WSAECONNRESET, WSAECONNABORTED, WSAENETRESET],
      "a receive whose peer has died (\(before.milliseconds) milliseconds ago)")
    try expect(try pair.near.close(), 0, "WSPCloseSocket")
  }

  private static func nothingLeft(_ session: Session) throws(Failure) {
    let (here, peer) = (try session.here(), try session.peer())
    var before: [Int] = []
    for round in 0..<3 {
      let pair = try session.pair()
      let memory = try here.makeMemory(pages: 4)
      let remote = try peer.makeMemory(pages: 4)
      let buffer = try pair.near.registered(memory)
      let descriptor = try pair.far.exposed(remote, MEM_READWRITE)
      try expectMoved(try pair.near.move(.write, [buffer.segment()], descriptor), 16384, "a write")
      let pending = try here.makeRequest(polled: false)
      try pending.begin(.receive, pair.near, [buffer.segment(0, 10)])
      if round == 1 { try expect(try pair.far.conceal(descriptor), 0, "WSPDeregisterRdmaMemory") }
      var left: [Int] = []
      for (party, socket, range) in [(here, pair.near, memory), (peer, pair.far, remote)] {
        try expect(try socket.close(), 0, "WSPCloseSocket")
        if session.provider.offersCallback {
          _ = try party.callBack(range)
        }
        let watch = Stopwatch()
        while try party.ask(.openHandles).numbers[0] > 0, watch.milliseconds < 3000 {
          _ = try party.makeEvent().wait(milliseconds: 5)
        }
        let open = try party.ask(.openHandles).numbers[0]
        try expect(open == 0, "no socket handle open, at \(party.name)", "\(open)")
        left.append(try party.pinnedBytes())
      }
      // The first round shows what a provider sets up once.
      if before.isEmpty { before = left }
      try expect(left == before, "as many bytes pinned as after the first round", "more")
    }
  }
}
