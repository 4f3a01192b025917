import CWinsockDirect
import Glibc

/// What the body of an assertion has: this process, and peers as soon as it asks for one.
final class Session {
  let provider: ProviderUnderTest
  let path: String
  /// This process, with the provider loaded but not started.
  let unstarted: Party
  private let report: (String) -> Void
  private let milliseconds: Int
  private var isStarted = false
  private var addressList: [Int] = []
  private var nextPort: Int
  private var firstPeer: Party?

  /// `report` is told what happens next, should it be the last; a peer gets `milliseconds` for each
  /// answer.
  init(
    _ provider: ProviderUnderTest, path: String, milliseconds: Int,
    report: @escaping (String) -> Void
  ) {
    self.milliseconds = milliseconds
    self.provider = provider
    self.path = path
    self.report = report
    unstarted = Party(Actor(provider), report: report)
    nextPort = 20_000 + Int(getpid()) * 37 % 25_000
  }

  /// Says what is done next by a body itself.
  func note(_ step: String) { report(step) }

  /// This process, with the provider started.
  func here() throws(Failure) -> Party {
    if !isStarted {
      try Self.start(unstarted)
      isStarted = true
    }
    return unstarted
  }

  /// A process of its own, with the provider started.
  func makePeer(named name: String = "the peer") throws(Failure) -> Party {
    let party = Party(
      try PeerProcess(path: path, milliseconds: milliseconds), named: name, report: report)
    try Self.start(party)
    return party
  }

  /// The one that most assertions need.
  func peer() throws(Failure) -> Party {
    if let firstPeer { return firstPeer }
    let party = try makePeer()
    firstPeer = party
    return party
  }

  private static func start(_ party: Party) throws(Failure) {
    let reply = try party.ask(.start)
    let code = INT(reply.numbers[0])
    if code == 0 { return }
    let reason = String(decoding: reply.bytes, as: UTF8.self)
    throw .violated(
      expected: "WSPStartupEx: success",
      actual: ErrorName.text(code) + (reason.isEmpty ? "" : ": \(reason)"))
  }

  /// The provider's addresses, at least one.
  func addresses() throws(Failure) -> [Int] {
    if addressList.isEmpty { addressList = try here().ask(.addresses).numbers }
    if addressList.isEmpty {
      throw .notApplicable("the provider has no adapter with an IPv4 address")
    }
    return addressList
  }

  func address(_ index: Int = 0) throws(Failure) -> Int {
    let all = try addresses()
    if index >= all.count { throw .notApplicable("the provider has only one adapter") }
    return all[index]
  }

  /// A port that no other assertion uses now.
  func makePort() -> Int {
    nextPort += 1
    return nextPort
  }

  // MARK: Connections

  /// A socket of `party` that listens, its event, and its port.
  func listen(
    on party: Party, adapter: Int = 0, backlog: Int = 8
  ) throws(Failure) -> (socket: Socket, event: Event, port: Int) {
    let address = try address(adapter)
    var refusal: INT = 0
    for _ in 0..<16 {
      let socket = try party.makeSocket()
      let port = makePort()
      let event = try party.makeEvent()
      refusal = try socket.bind(address, port: port)
      if refusal == 0 { refusal = try socket.listen(backlog) }
      if refusal == 0 {
        try expect(try socket.select(event, FD_ACCEPT), 0, "WSPEventSelect(FD_ACCEPT)")
        return (socket, event, port)
      }
      // Somebody else may have the port.
      try socket.close()
    }
    throw .violated(expected: "WSPBind and WSPListen: success", actual: ErrorName.text(refusal))
  }

  /// Begins to connect a new socket of `party`.
  func connect(
    _ party: Party, adapter: Int = 0, port: Int
  ) throws(Failure) -> (socket: Socket, event: Event, error: INT) {
    let socket = try party.makeSocket()
    let event = try party.makeEvent()
    try expect(try socket.select(event, FD_CONNECT), 0, "WSPEventSelect(FD_CONNECT)")
    return (socket, event, try socket.connect(try address(adapter), port: port))
  }

  /// How an attempt to connect ended.
  func outcome(
    _ attempt: (socket: Socket, event: Event, error: INT), milliseconds: Int = 5000
  ) throws(Failure) -> INT {
    if attempt.error != WSAEWOULDBLOCK { return attempt.error }
    if try !attempt.event.wait(milliseconds: milliseconds) {
      throw .violated(
        expected: "the FD_CONNECT event", actual: "nothing for \(milliseconds) milliseconds")
    }
    let events = try attempt.socket.events(attempt.event)
    try expect(events.error, 0, "WSPEnumNetworkEvents")
    try expect(
      events.events == FD_CONNECT, "FD_CONNECT (16) from WSPEnumNetworkEvents", "\(events.events)")
    return events.connectError
  }

  /// A connection; `near` is the end of `party`, this process where it is not said.
  func pair(
    _ party: Party? = nil, with other: Party? = nil, adapter: Int = 0
  ) throws(Failure) -> (near: Socket, far: Socket) {
    let near = if let party { party } else { try here() }
    let far = if let other { other } else { try peer() }
    let listening = try listen(on: far, adapter: adapter)
    let attempt = try connect(near, adapter: adapter, port: listening.port)
    let name = "WSPConnect to a listener in another process"
    try expect(attempt.error, in: [0, WSAEWOULDBLOCK], name)
    if try !listening.event.wait() {
      // Has it failed meanwhile?
      if try attempt.event.isSet() { try expect(try outcome(attempt), 0, name) }
      throw .violated(
        expected: "the FD_ACCEPT event", actual: "nothing for 5 seconds after WSPConnect")
    }
    _ = try listening.socket.events(listening.event)
    let accepted = try listening.socket.accept().socket()
    let error = try outcome(attempt)
    try expect(error, 0, "WSPConnect")
    try expect(try listening.socket.close(), 0, "WSPCloseSocket of a listener")
    return (attempt.socket, accepted)
  }
}
