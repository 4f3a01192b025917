import Pindown

/// The other process's end of a worker's connection: exposes its buffers, and verifies them.
final class StressPartner {
  private let socket: SwitchSocket
  private let link: StressLink
  private var random = RandomNumbers(seed: 0)
  private var buffers: [StressBuffer] = []
  private var exposed: RDMAMemoryRegistration?

  init(_ socket: SwitchSocket) {
    self.socket = socket
    link = StressLink(socket: socket)
  }

  /// Answers until the connection ends.
  func run() {
    while let words = try? link.receive(within: .seconds(3600)) {
      do {
        try link.send(["ok"] + (try answer(words)))
      } catch {
        // Where the connection has ended, nobody waits for this.
        try? link.send(["error", "\(error)"])
      }
    }
    exposed = nil
    socket.close()
    buffers = []
  }

  private func answer(_ words: [String]) throws -> [String] {
    let numbers = words.dropFirst().compactMap { UInt64($0) }
    switch (words.first, numbers.count) {
    case ("hello", 2): return try begin(Int(numbers[0]), seed: numbers[1])
    case ("write", 1): return [try expose(Int(numbers[0]), .write).descriptor]
    case ("read", 1):
      let (descriptor, pattern) = try expose(Int(numbers[0]), .read)
      return [descriptor, "\(pattern.buffer)", "\(pattern.generation)"]
    case ("verify", 3):
      let pattern = StressPattern(
        buffer: UInt16(truncatingIfNeeded: numbers[1]),
        generation: UInt32(truncatingIfNeeded: numbers[2]))
      try conceal()
      return pattern.verify(UnsafeRawBufferPointer(buffers[Int(numbers[0])].memory)).words
    case ("done", 1):
      try conceal()
      return []
    default: throw ToolError("no such question")
    }
  }

  private func begin(_ number: Int, seed: UInt64) throws -> [String] {
    random = RandomNumbers(seed: ~seed, stream: UInt64(number))
    buffers = try StressBuffer.all(
      number: number, offset: Int(StressPattern.otherProcess),
      byteCount: StressWorker.byteCount(of: number))
    return []
  }

  /// Loses a buffer or not, fills it anew, and exposes it.
  private func expose(
    _ index: Int, _ access: MemoryAccess
  ) throws -> (descriptor: String, pattern: StressPattern) {
    guard buffers.indices.contains(index) else { throw ToolError("no such buffer") }
    let buffer = buffers[index]
    try buffer.churn(&random)
    let pattern = buffer.fill()
    let registration = try socket.registerRDMAMemory(buffer.memory, access: access)
    let descriptor = Hexadecimal.text(registration.descriptor.bytes)
    exposed = consume registration
    return (descriptor, pattern)
  }

  private func conceal() throws {
    if let registration = exposed.take() { try registration.deregister() }
  }
}
