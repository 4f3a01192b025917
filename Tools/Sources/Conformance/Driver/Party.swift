import CWinsockDirect
import Glibc

/// One of the processes that take part in an assertion: the one that puts it, or a peer. Whatever is
/// to be done there is asked for in the same words.
final class Party {
  /// What it is called in an explanation.
  let name: String
  private let performing: Performing
  private let report: (String) -> Void

  private enum Performing {
    case here(Actor)
    case there(PeerProcess)
  }

  /// This process.
  init(_ actor: Actor, report: @escaping (String) -> Void) {
    name = "this side"
    performing = .here(actor)
    self.report = report
  }

  /// Another process.
  init(_ process: PeerProcess, named name: String, report: @escaping (String) -> Void) {
    self.name = name
    performing = .there(process)
    self.report = report
  }

  var pid: pid_t {
    switch performing {
    case .here: getpid()
    case .there(let process): process.pid
    }
  }

  @discardableResult
  func ask(_ verb: Verb, _ numbers: [Int] = [], _ bytes: [UInt8] = []) throws(Failure) -> Reply {
    report("\(verb.rawValue), \(name)")
    let call = Call(verb, numbers, bytes)
    switch performing {
    case .here(let actor): return try actor.perform(call)
    case .there(let process):
      process.tell(call)
      return try process.answer(to: call)
    }
  }

  /// Asks another process and does not wait; `answer` is to follow.
  func tell(_ verb: Verb, _ numbers: [Int] = [], _ bytes: [UInt8] = []) {
    report("\(verb.rawValue), \(name)")
    guard case .there(let process) = performing else { preconditionFailure("it is this process") }
    process.tell(Call(verb, numbers, bytes))
  }

  func answer(to verb: Verb) throws(Failure) -> Reply {
    guard case .there(let process) = performing else { preconditionFailure("it is this process") }
    return try process.answer(to: Call(verb, [], []))
  }

  /// Stops the other process, or lets it go on.
  func signal(_ number: INT) {
    guard case .there = performing else { preconditionFailure("it is this process") }
    Glibc.kill(pid, number)
  }

  // MARK: What a party has

  func makeSocket() throws(Failure) -> Socket {
    let numbers = try ask(.socket).numbers
    guard numbers[0] != -1 else {
      throw .violated(
        expected: "WSPSocket: a descriptor", actual: ErrorName.text(INT(numbers[1])))
    }
    return Socket(party: self, descriptor: numbers[0])
  }

  func makeEvent() throws(Failure) -> Event {
    Event(party: self, number: try ask(.makeEvent).numbers[0])
  }

  /// Memory of whole pages, zeroed.
  func makeMemory(
    pages: Int, _ kind: MappedMemory.Kind = .anonymous
  ) throws(Failure) -> Buffer {
    let length = pages * Buffer.pageSize
    let numbers = try ask(.map, [length, kind.rawValue]).numbers
    return Buffer(
      party: self, memory: numbers[0], address: numbers[1], offset: 0, length: length)
  }

  /// A structure for one request after the other.
  func makeRequest(polled: Bool = true) throws(Failure) -> Request {
    Request(party: self, number: try ask(.makeRequest, [polled ? 1 : 0]).numbers[0])
  }

  /// The switch's descriptor of the socket that was made last.
  func newestHandle() throws(Failure) -> Int { try ask(.handle).numbers[0] }

  /// Whether there was a completion or a close for a switch's descriptor, in order; true is a close.
  /// Waits for the close, but not longer than `milliseconds`.
  func entries(of handle: Int, waiting milliseconds: Int = 0) throws(Failure) -> [Bool] {
    try ask(.entries, [handle, milliseconds]).numbers.map { $0 == 1 }
  }

  func pinnedBytes() throws(Failure) -> Int { try ask(.pinnedBytes).numbers[0] }

  /// WSPMemoryRegistrationCacheCallback, as the switch calls it.
  func callBack(_ buffer: Buffer, holdsAllocator: Bool = false) throws(Failure) -> CallbackAnswer {
    CallbackAnswer(
      try ask(
        .call, [buffer.memory, buffer.offset, buffer.length, holdsAllocator ? 1 : 0]
      ).numbers)
  }
}
