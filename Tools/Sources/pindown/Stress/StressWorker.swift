import Pindown

/// A thread of the stress tool: its connection, its buffers, and what it found.
final class StressWorker {
  private let number: Int
  private let socket: SwitchSocket
  private let link: StressLink
  private var random: RandomNumbers
  private var buffers: [StressBuffer]
  private(set) var counts = StressCounts()
  private(set) var failure: (any Error)?

  /// Bytes of each buffer of a worker; the peer has as many.
  static func byteCount(of number: Int) -> Int { 4096 << (2 * (number % 4)) }

  init(_ number: Int, _ socket: SwitchSocket, seed: UInt64) throws {
    self.number = number
    self.socket = socket
    link = StressLink(socket: socket)
    random = RandomNumbers(seed: seed, stream: UInt64(number))
    buffers = try StressBuffer.all(
      number: number, offset: 0, byteCount: Self.byteCount(of: number))
    try link.ask("hello", "\(number)", "\(seed)")
  }

  /// Transfers until the moment has come, or something fails.
  func run(until end: Moment) {
    do {
      while !end.hasPassed {
        let buffer = buffers[Int.random(in: buffers.indices, using: &random)]
        let other = Int.random(in: buffers.indices, using: &random)
        try buffer.churn(&random)
        if Bool.random(using: &random) {
          try write(buffer, to: other)
        } else {
          try read(buffer, from: other)
        }
      }
    } catch {
      failure = error
    }
  }

  /// Closes the connection and lets the buffers go.
  func end() {
    socket.close()
    buffers = []
  }

  private func write(_ buffer: StressBuffer, to other: Int) throws {
    let target = RDMADescriptor(bytes: try Hexadecimal.bytes(try link.ask("write", "\(other)")[0]))
    let pattern = buffer.fill()
    let registration = try socket.registerMemory(buffer.memory, access: .read)
    try socket.rdmaWrite(from: registration, to: target)
    try registration.deregister()
    counts.writes += 1
    let answer = try link.ask(
      "verify", "\(other)", "\(pattern.buffer)", "\(pattern.generation)")
    guard let verdict = StressVerdict(words: answer) else { throw ToolError("no verdict") }
    note(verdict, expected: pattern, "written")
  }

  private func read(_ buffer: StressBuffer, from other: Int) throws {
    let answer = try link.ask("read", "\(other)")
    guard answer.count == 3, let owner = UInt16(answer[1]), let generation = UInt32(answer[2])
    else { throw ToolError("no descriptor") }
    // So that memory which nothing arrives in has content of its own.
    _ = buffer.fill()
    let registration = try socket.registerMemory(buffer.memory, access: .write)
    let source = RDMADescriptor(bytes: try Hexadecimal.bytes(answer[0]))
    try socket.rdmaRead(into: registration, from: source)
    try registration.deregister()
    counts.reads += 1
    let pattern = StressPattern(buffer: owner, generation: generation)
    note(pattern.verify(UnsafeRawBufferPointer(buffer.memory)), expected: pattern, "read")
    try link.ask("done", "\(other)")
  }

  private func note(_ verdict: StressVerdict, expected: StressPattern, _ what: String) {
    switch verdict {
    case .good: return
    case .stale(let found, let offset):
      if counts.staleUses == 0 {
        say(
          "thread \(number): \(what) was buffer \(expected.buffer) generation "
            + "\(expected.generation), but at byte \(offset) is buffer \(found.buffer) generation "
            + "\(found.generation)")
      }
      counts.staleUses += 1
    case .corrupt(let offset):
      if counts.corruptions == 0 {
        say("thread \(number): \(what) content is nobody's at byte \(offset)")
      }
      counts.corruptions += 1
    }
  }
}

extension StressBuffer {
  /// One of each kind, numbered so that no two in either process have the same number.
  static func all(number: Int, offset: Int, byteCount: Int) throws -> [StressBuffer] {
    try Kind.allCases.enumerated().map { index, kind in
      let name = UInt16(offset + number * Kind.allCases.count + index + 1)
      return try StressBuffer(kind, number: name, byteCount: byteCount)
    }
  }
}

extension StressVerdict {
  /// As words of an answer.
  var words: [String] {
    switch self {
    case .good: ["good"]
    case .stale(let found, let offset):
      ["stale", "\(found.buffer)", "\(found.generation)", "\(offset)"]
    case .corrupt(let offset): ["corrupt", "\(offset)"]
    }
  }

  init?(words: [String]) {
    let numbers = words.dropFirst().compactMap { Int($0) }
    switch (words.first, numbers.count) {
    case ("good", 0): self = .good
    case ("stale", 3):
      self = .stale(
        found: StressPattern(
          buffer: UInt16(truncatingIfNeeded: numbers[0]),
          generation: UInt32(truncatingIfNeeded: numbers[1])), at: numbers[2])
    case ("corrupt", 1): self = .corrupt(at: numbers[0])
    default: return nil
    }
  }
}
