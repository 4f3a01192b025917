import CMemfdNIC
import Glibc
import Testing

@testable import MemfdNIC

/// A peer that speaks to a queue pair over its own socket, and says what it likes.
final class Attacker {
  let socket: Int32
  let toVictim: Pipe
  let fromVictim: Pipe
  let table: Descriptor

  init(_ pair: Pair, port: UInt16) throws {
    socket = CMemfdNIC_socket()
    toVictim = try Pipe(bytes: 65_536)
    fromVictim = try Pipe(bytes: 65_536)
    table = try AccessTable.makeMemory()
    let name = "pindown/nic/\(pair.far.configuration.address):\(port)"
    try #require(CMemfdNIC_connect(socket, name, name.utf8.count) == 0)
  }

  deinit {
    close(socket)
  }

  func hello(_ change: (inout WireMessage) -> Void = { _ in }, descriptors: [Int32]? = nil) {
    var message = WireMessage(.hello)
    message.version = WireMessage.version
    change(&message)
    send(
      message,
      descriptors: descriptors ?? [
        toVictim.readEnd.number, fromVictim.writeEnd.number, table.number,
      ])
  }

  func send(_ message: WireMessage, payload: [UInt8] = [], descriptors: [Int32] = []) {
    var message = message
    _ = CMemfdNIC_send(
      socket, &message, WireMessage.byteCount, payload, payload.count, descriptors,
      Int32(descriptors.count))
  }

  /// The next frame; nil at the end, or after ten seconds.
  func next() -> WireMessage? {
    var message = WireMessage()
    var numbers = [Int32](repeating: -1, count: Int(CMemfdNIC_maximum_descriptors))
    var count: Int32 = 0
    var payload = [UInt8](repeating: 0, count: 65_536)
    while true {
      var wanted = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      if poll(&wanted, 1, 10_000) != 1 { return nil }
      let bytes = CMemfdNIC_receive(
        socket, &message, WireMessage.byteCount, &payload, payload.count, &numbers, &count)
      for number in numbers.prefix(Int(count)) { close(number) }
      if bytes > 0 { return message }
      if bytes == 0 { return nil }
    }
  }
}

extension Pair {
  /// A queue pair of the far adapter, connected to an attacker.
  func attacked() throws -> (Attacker, QueuePair, Recorder) {
    let recorder = Recorder()
    let requests = farRecorder.seen.requests
    let attacker = try Attacker(self, port: listener.port)
    attacker.hello()
    try #require(farRecorder.wait { $0.requests == requests + 1 })
    let victim = try far.makeQueuePair(handlers: recorder.handlers)
    try #require(listener.nextRequest()).accept(as: victim)
    try #require(attacker.next()?.type == FrameType.accept.rawValue)
    return (attacker, victim, recorder)
  }
}
