import Glibc
import SocketsSwitch
import Testing
import VirtualMemory

@testable import StreamSockets

extension StreamTests {
  /// Goal: a peer that does not keep to the protocol gets its connection closed, and nothing else.
  /// Method: the other end speaks by messages of its own.
  @Suite struct HostileTests {
    /// A stream whose other end is a plain socket that the test speaks through.
    private struct Pair {
      let stream: StreamSocket
      let raw: SwitchSocket

      /// `greets` says whether the raw end says a good hello.
      init(
        _ network: SocketsSwitch, greets: Bool = true, options: StreamOptions = StreamOptions()
      ) throws {
        let place = SocketAddress(TestNetwork.address, port: 0)
        let listener = try network.listen(at: place)
        let accepting = Meanwhile {
          let raw = try listener.accept(within: .seconds(10))
          _ = try raw.receiveMessage()
          if greets { try raw.sendMessage(Pair.hello()) }
          return raw
        }
        stream = try StreamSocket.connect(
          to: listener.address, through: network, within: .seconds(10), options: options)
        raw = try accepting.result()
        listener.close()
      }

      static func hello(receives: Int = 16, bytes: Int = 4_096) -> [UInt8] {
        var message = SessionMessage(.hello)
        message.credits = receives
        message.length = bytes
        return encode(message)
      }
    }

    private static func encode(
      _ message: SessionMessage, descriptor: [UInt8] = [], payload: [UInt8] = []
    ) -> [UInt8] {
      var message = message
      message.descriptorBytes = descriptor.count
      message.payloadBytes = payload.count
      var bytes = [UInt8](repeating: 0, count: SessionMessage.headerBytes)
      bytes.withUnsafeMutableBytes { message.write(to: $0) }
      return bytes + descriptor + payload
    }

    private static func message(
      _ kind: MessageKind, number: UInt32 = 0, length: Int = 0, credits: Int = 0,
      descriptor: [UInt8] = [], payload: [UInt8] = []
    ) -> [UInt8] {
      var message = SessionMessage(kind)
      message.number = number
      message.length = length
      message.credits = credits
      return encode(message, descriptor: descriptor, payload: payload)
    }

    private static func changed(_ bytes: [UInt8], at index: Int, to value: UInt8) -> [UInt8] {
      var bytes = bytes
      bytes[index] = value
      return bytes
    }

    private static let good = message(.data, payload: [1, 2, 3])
    private static let wrong: [[[UInt8]]] = [
      [[]], [[1]], [Array(good.dropLast())], [good + [0]],
      // Magic, version, kind.
      [changed(good, at: 0, to: 0)], [changed(good, at: 4, to: 2)],
      [changed(good, at: 5, to: 0)], [changed(good, at: 5, to: 11)],
      // Lengths that are not there, or that no number has.
      [changed(good, at: 12, to: 200)], [changed(good, at: 15, to: 255)],
      [changed(good, at: 19, to: 255)], [changed(good, at: 31, to: 255)],
      // Credits that nobody can give.
      [message(.credit, credits: 1)], [message(.credit, credits: 65_535)],
      // Payload and descriptors where there are none.
      [message(.credit, payload: [1])], [message(.data, descriptor: [1], payload: [1])],
      [message(.data)], [Pair.hello()],
      // Answers to nothing.
      [message(.ready, number: 1, length: 5)], [message(.done, number: 1, length: 5)],
      [message(.source, number: 1, length: 5, descriptor: [1])],
      [message(.written, number: 1, length: 5)], [message(.withdraw, number: 1)],
      [message(.ready)], [message(.ready, number: 0, length: 1)],
      // Offers that make no sense, and what must not follow one.
      [message(.offer, number: 1)], [message(.offer, length: 100)],
      [message(.offer, number: 1, length: 100), good],
      [message(.offer, number: 1, length: 100), message(.offer, number: 2, length: 100)],
      [message(.offer, number: 1, length: 100), message(.withdraw, number: 2)],
      [message(.finish), good],
    ]

    @Test(arguments: wrong)
    func nonsense(messages: [[UInt8]]) throws {
      try TestNetwork.run { network in
        let pair = try Pair(network)
        for message in messages { try pair.raw.sendMessage(message) }
        let failure = #expect(throws: StreamError.self) {
          while true { _ = try pair.stream.receive(atMost: 100, within: .seconds(10)) }
        }
        guard case .protocolViolation = failure else {
          Issue.record("\(String(describing: failure))")
          return
        }
        // It is over, and the other end is told.
        #expect(throws: StreamError.self) { try pair.stream.send([1]) }
        #expect(throws: SwitchError.self) { while true { _ = try pair.raw.receiveMessage() } }
      }
    }

    /// The same bytes are no violation where they are right.
    @Test func sense() throws {
      try TestNetwork.run { network in
        let pair = try Pair(network)
        try pair.raw.sendMessage(Self.good)
        #expect(try pair.stream.receiveAll(3) == [1, 2, 3])
        try pair.raw.sendMessage(Self.message(.offer, number: 1, length: 100, payload: [4]))
        try pair.raw.sendMessage(Self.message(.withdraw, number: 1))
        try pair.raw.sendMessage(Self.message(.finish))
        #expect(try pair.stream.receiveAll(3) == [4])
        #expect(try pair.stream.receive(atMost: 1).isEmpty)
      }
    }

    @Test(arguments: [
      [1, 2, 3], Pair.hello(receives: 1), Pair.hello(receives: 0), Pair.hello(receives: 201),
      Pair.hello(bytes: 0), Pair.hello(bytes: 1 << 40), good,
      Pair.hello() + [1],
    ])
    func badHello(bytes: [UInt8]) throws {
      try TestNetwork.run { network in
        let listener = try StreamListener(
          at: SocketAddress(TestNetwork.address, port: 0), through: network)
        // It is not accepted, and the next one is.
        let raw = try network.connect(to: listener.address, within: .seconds(10))
        try raw.sendMessage(bytes)
        #expect(throws: SwitchError.self) { try raw.receiveMessage() }
        let accepting = Meanwhile { try listener.accept(within: .seconds(10)) }
        let near = try StreamSocket.connect(
          to: listener.address, through: network, within: .seconds(10))
        let far = try accepting.result()
        try near.send([1])
        #expect(try far.receiveAll(1) == [1])
      }
    }

    /// Who connects and says nothing does not keep the next one waiting.
    @Test func silentPeersDoNotBlock() throws {
      try TestNetwork.run { network in
        let listener = try StreamListener(
          at: SocketAddress(TestNetwork.address, port: 0), through: network)
        let silent = try (0..<8).map { _ in
          try network.connect(to: listener.address, within: .seconds(10))
        }
        let begin = ContinuousClock.now
        let accepting = Meanwhile { try listener.accept(within: .seconds(10)) }
        _ = try StreamSocket.connect(
          to: listener.address, through: network, within: .seconds(10))
        _ = try accepting.result()
        #expect(ContinuousClock.now - begin < Limits.greeting)
        for socket in silent { socket.close() }
        listener.close()
      }
    }

    /// More data than credits: one message more than the stream has posted for data.
    @Test func moreThanCredits() throws {
      try TestNetwork.run { network in
        let pair = try Pair(network)
        for _ in 0..<(Limits.receiveCount + 1) { try pair.raw.sendMessage(Self.good) }
        #expect(throws: StreamError.protocolViolation("more data than credits")) {
          // Sends until it waits for credits, without reading what has come.
          while true { try pair.stream.send([1]) }
        }
      }
    }

    /// A sender that answers with more than was asked for, or with memory that is not its own.
    @Test(arguments: [
      message(.source, number: 1, length: 100_000, descriptor: [1]),
      message(.source, number: 1, length: 0, descriptor: [1]),
      message(.source, number: 1, length: 100),
      message(.written, number: 1, length: 100),
      message(.source, number: 1, length: 100, descriptor: [UInt8](repeating: 7, count: 64)),
    ])
    func badAnswers(answer: [UInt8]) throws {
      try TestNetwork.run { network in
        let pair = try Pair(network)
        try pair.raw.sendMessage(Self.message(.offer, number: 1, length: 50_000))
        let receiving = Meanwhile { try pair.stream.receive(atMost: 50_000) }
        _ = try pair.raw.receiveMessage()
        try pair.raw.sendMessage(answer)
        #expect(throws: StreamError.self) { try receiving.result() }
        #expect(network.statistics.quarantined == 0)
      }
    }

    /// A receiver that claims to have read more than was exposed, and one that reads nothing at all.
    @Test(arguments: [0, 100_000_000])
    func badReceivers(done: Int) throws {
      try TestNetwork.run { network in
        let pair = try Pair(network)
        let bytes = pattern(100_000)
        let sending = Meanwhile { try pair.stream.send(bytes, within: .seconds(1)) }
        _ = try pair.raw.receiveMessage()
        let receiving = Meanwhile {
          while true {
            try pair.raw.sendMessage(Self.message(.ready, number: 1, length: 1_000))
            let answer = try pair.raw.receiveMessage()
            if answer[5] == MessageKind.withdraw.rawValue { return true }
            try pair.raw.sendMessage(Self.message(.done, number: 1, length: done))
          }
        }
        let failure = #expect(throws: StreamError.self) { try sending.result() }
        if done == 0 {
          // Time is what ends that: the offer is taken back.
          #expect(failure == .timedOut(byteCount: 4_064))
          #expect(try receiving.result())
        } else {
          #expect(failure == .protocolViolation("an answer to nothing"))
          #expect(throws: SwitchError.self) { try receiving.result() }
        }
      }
    }

    /// What a message says of the memory to read.
    private func source(in message: [UInt8]) throws -> (RDMADescriptor, UInt32) {
      let header = try message.withUnsafeBytes { try SessionMessage(parsing: $0) }
      #expect(header.kind == .source)
      let bytes = message[SessionMessage.headerBytes...].prefix(header.descriptorBytes)
      return (RDMADescriptor(bytes: bytes), header.offset)
    }

    /// A receiver can read what is being sent, and not a moment longer.
    @Test func memoryIsExposedForTheSendOnly() throws {
      try TestNetwork.run { network in
        let pair = try Pair(network)
        let bytes = pattern(100_000)
        let length = bytes.count - 4_064
        let target = try MemfdSegment(byteCount: UInt(length))
        let memory = UnsafeMutableRawBufferPointer(start: target.baseAddress, count: length)
        let registration = try pair.raw.registerMemory(memory, access: .write)
        let sending = Meanwhile { try pair.stream.send(bytes) }
        _ = try pair.raw.receiveMessage()
        try pair.raw.sendMessage(Self.message(.ready, number: 1, length: length))
        let (descriptor, offset) = try source(in: try pair.raw.receiveMessage())
        try pair.raw.rdmaRead(into: registration, from: descriptor, at: offset)
        #expect(Array(memory) == Array(bytes[4_064...]))
        try pair.raw.sendMessage(Self.message(.done, number: 1, length: length))
        try sending.result()
        #expect(throws: SwitchError.self) {
          try pair.raw.rdmaRead(into: registration, from: descriptor, at: offset)
        }
      }
    }

    /// A peer that stops in the middle of a transfer, at either end, ends the stream; then it cannot
    /// reach the memory any more.
    @Test(arguments: [true, false])
    func aPeerThatStopsInTheMiddle(sends: Bool) throws {
      var options = StreamOptions()
      options.stallLimit = .milliseconds(100)
      try TestNetwork.run { network in
        let pair = try Pair(network, options: options)
        let work: Meanwhile<Void>
        if sends {
          let bytes = pattern(100_000)
          work = Meanwhile { try pair.stream.send(bytes) }
          _ = try pair.raw.receiveMessage()
          try pair.raw.sendMessage(Self.message(.ready, number: 1, length: 50_000))
        } else {
          try pair.raw.sendMessage(Self.message(.offer, number: 1, length: 50_000))
          work = Meanwhile { _ = try pair.stream.receive(atMost: 50_000) }
        }
        let last = try pair.raw.receiveMessage()
        #expect(throws: StreamError.stalled) { try work.result() }
        #expect(throws: StreamError.stalled) { try pair.stream.send([1]) }
        if sends {
          let (descriptor, offset) = try source(in: last)
          let target = try MemfdSegment(byteCount: 4_096)
          let memory = UnsafeMutableRawBufferPointer(start: target.baseAddress, count: 4_096)
          #expect(throws: SwitchError.self) {
            let registration = try pair.raw.registerMemory(memory, access: .write)
            try pair.raw.rdmaRead(into: registration, from: descriptor, at: offset)
          }
        }
        #expect(network.statistics.quarantined == 0)
      }
    }

    /// Any bytes at all: the stream answers or ends, and the process goes on.
    @Test func randomMessages() throws {
      var generator = SystemRandomNumberGenerator()
      try TestNetwork.run { network in
        for _ in 0..<200 {
          let pair = try Pair(network)
          for _ in 0..<8 {
            var bytes = Self.message(
              MessageKind(rawValue: .random(in: 2...10, using: &generator))!,
              number: .random(in: 0...2, using: &generator),
              length: .random(in: 0...100, using: &generator),
              credits: .random(in: 0...1, using: &generator),
              payload: pattern(.random(in: 0...3, using: &generator)))
            if Bool.random(using: &generator) {
              bytes[.random(in: 0..<bytes.count, using: &generator)] = .random(
                in: 0...255, using: &generator)
            }
            if (try? pair.raw.sendMessage(bytes)) == nil { break }
          }
          let raw = pair.raw
          let answering = Meanwhile {
            // Whatever the stream asks, it is not answered.
            raw.close()
          }
          while let piece = try? pair.stream.receive(atMost: 50, within: .milliseconds(100)),
            !piece.isEmpty
          {}
          try answering.result()
          pair.stream.abort()
        }
      }
    }
  }
}
