import CWinsockDirect
import Glibc
import Inspection
import SocketsSwitch
import Testing
import VirtualMemory

@testable import StreamSockets

extension StreamTests {
  /// Goal: a receiver that does not read stops the sender, nothing is lost by it, and both
  /// directions and both ways of large transfers do without each other.
  @Suite struct FlowTests {
    private static let payload = Limits.messageBytes - SessionMessage.headerBytes

    /// Without credits nothing is sent; with them it goes on where it was.
    @Test(arguments: [2, 3, 16, 40])
    func creditsRunOut(receiveCount: Int) throws {
      var options = StreamOptions()
      options.receiveCount = receiveCount
      options.rdmaThreshold = .max
      try TestNetwork.run { network in
        let pair = try StreamPair(network, near: options, far: options)
        let bytes = pattern(2 * receiveCount * Self.payload + 17)
        let failure = #expect(throws: StreamError.self) {
          try pair.near.send(bytes, within: .milliseconds(50))
        }
        // Exactly what the receiver has posted.
        let sent = receiveCount * Self.payload
        #expect(failure == .timedOut(byteCount: sent))
        #expect(throws: StreamError.timedOut(byteCount: 0)) {
          try pair.near.send([1], within: .milliseconds(10))
        }
        // The other direction does not need these credits.
        try pair.far.send([9])
        #expect(try pair.near.receiveAll(1) == [9])
        let rest = Meanwhile { try pair.near.send(Array(bytes[sent...])) }
        #expect(try pair.far.receiveAll(bytes.count) == bytes)
        try rest.result()
        pair.close()
      }
    }

    /// Reading gives the credits back, by ones as by many.
    @Test func creditsComeBack() throws {
      try TestNetwork.run { network in
        let pair = try StreamPair(network)
        for round in 0..<100 {
          let bytes = pattern(1 + round * 7, seed: round)
          try pair.near.send(bytes)
          try pair.far.send(bytes)
          #expect(try pair.far.receiveAll(bytes.count, pieces: 5) == bytes)
          #expect(try pair.near.receiveAll(bytes.count) == bytes)
        }
        pair.close()
      }
    }

    /// Both send more than the credits at once, by messages and by RDMA, and both receive.
    @Test(arguments: [true, false])
    func bothDirectionsAtOnce(isLarge: Bool) throws {
      var options = StreamOptions()
      options.receiveCount = 2
      if !isLarge { options.rdmaThreshold = .max }
      try TestNetwork.run { network in
        let pair = try StreamPair(network, near: options, far: options)
        let (one, other) = (pattern(1_500_000, seed: 1), pattern(1_500_000, seed: 2))
        let tasks = [
          Meanwhile { try pair.near.send(one) }, Meanwhile { try pair.far.send(other) },
        ]
        let receiving = Meanwhile { try pair.near.receiveAll(other.count) }
        #expect(try pair.far.receiveAll(one.count) == one)
        #expect(try receiving.result() == other)
        for task in tasks { try task.result() }
        pair.close()
      }
    }

    /// By RDMA read and by RDMA write, into buffers of all sizes.
    @Test(arguments: [true, false], [1_000, 40_000, 4_000_000])
    func largeTransfers(reads: Bool, piece: Int) throws {
      var options = StreamOptions()
      options.usesRDMARead = reads
      try TestNetwork.run { network in
        let pair = try StreamPair(network, near: options, far: options)
        let before = try Self.transfers()
        for count in [Limits.rdmaThresholdBytes + 1, 300_000, 3_000_011] {
          let bytes = pattern(count, seed: count)
          let sending = Meanwhile {
            try pair.near.send(bytes)
            try pair.near.send([1, 2, 3])
          }
          #expect(try pair.far.receiveAll(count, pieces: piece) == bytes)
          try sending.result()
          #expect(try pair.far.receiveAll(3) == [1, 2, 3])
        }
        let after = try Self.transfers()
        #expect((after.reads > before.reads) == reads)
        #expect((after.writes > before.writes) == !reads)
        pair.close()
      }
    }

    /// A provider without WSPRdmaRead; at one end that is enough to be written to.
    @Test func aProviderThatCannotRead() throws {
      try TestNetwork.limited(reads: false) {
        try TestNetwork.run { network in
          let pair = try StreamPair(network)
          let before = try Self.transfers()
          let bytes = pattern(1_000_000)
          let sending = Meanwhile { try pair.near.send(bytes) }
          #expect(try pair.far.receiveAll(bytes.count) == bytes)
          try sending.result()
          let after = try Self.transfers()
          #expect(after.reads == before.reads && after.writes > before.writes)
          pair.close()
        }
      }
    }

    /// Little can be pinned at a time, or nothing: then it is done in parts, or by messages.
    @Test(arguments: [true, false], [600_000, 300_000])
    func littleCanBePinned(reads: Bool, most: Int) throws {
      var options = StreamOptions()
      options.usesRDMARead = reads
      options.messageSize = 8_192
      try TestNetwork.limited(most: most) {
        try TestNetwork.run { network in
          let pair = try StreamPair(network, near: options, far: options)
          let before = try Self.transfers()
          let bytes = pattern(3_000_000)
          let sending = Meanwhile { try pair.near.send(bytes) }
          #expect(try pair.far.receiveAll(bytes.count) == bytes)
          try sending.result()
          let after = try Self.transfers()
          // What the sender cannot pin goes by messages; what the receiver cannot, through memory
          // that need not be pinned, in parts that the sender can.
          #expect((after.reads > before.reads) == (reads && most > 512 << 10))
          #expect((after.writes > before.writes) == !reads)
          pair.close()
        }
      }
    }

    /// A buffer that cannot be read, in the part that is not copied: the send fails, the stream goes
    /// on.
    @Test(arguments: [true, false])
    func aBufferThatCannotBeRegistered(reads: Bool) throws {
      var options = StreamOptions()
      options.usesRDMARead = reads
      try TestNetwork.run { network in
        let pair = try StreamPair(network, near: options, far: options)
        let length = 64 * Int(Page.size)
        let memory = mmap(
          nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        defer { munmap(memory, length) }
        #expect(mprotect(memory + 32 * Int(Page.size), Int(Page.size), PROT_NONE) == 0)
        let bytes = UnsafeRawBufferPointer(start: memory, count: length)
        nonisolated(unsafe) let unreadable = bytes
        let sending = Meanwhile { try pair.near.send(unreadable) }
        #expect(try pair.far.receiveAll(Limits.pilotBytes).count == Limits.pilotBytes)
        let receiving = Meanwhile { try pair.far.receiveAll(3) }
        let failure = #expect(throws: StreamError.self) { try sending.result() }
        guard case .provider(.refused(_, WSAEFAULT)) = failure else {
          Issue.record("\(String(describing: failure))")
          return
        }
        try pair.near.send([1, 2, 3])
        #expect(try receiving.result() == [1, 2, 3])
        pair.close()
      }
    }

    /// The ends need not agree on anything.
    @Test func endsOfDifferentMinds() throws {
      var (near, far) = (StreamOptions(), StreamOptions())
      (near.messageSize, far.messageSize) = (1_024, 65_536)
      (near.receiveCount, far.receiveCount) = (200, 2)
      (near.rdmaThreshold, far.rdmaThreshold) = (0, .max)
      (near.usesRDMARead, far.usesRDMARead) = (false, true)
      try TestNetwork.run { network in
        let pair = try StreamPair(network, near: near, far: far)
        for count in [1, 2, 1_000, 100_000, 1_000_000] {
          let bytes = pattern(count, seed: count)
          let tasks = [
            Meanwhile { try pair.near.send(bytes) }, Meanwhile { try pair.far.send(bytes) },
          ]
          #expect(try pair.far.receiveAll(count) == bytes)
          #expect(try pair.near.receiveAll(count) == bytes)
          for task in tasks { try task.result() }
        }
        pair.close()
      }
    }

    /// RDMA reads and writes that the adapters have made.
    private static func transfers() throws -> (reads: UInt64, writes: UInt64) {
      let publication = try Publication.current()
      let adapters = (0..<2).map(publication.nic)
      return (
        adapters.reduce(0) { $0 + $1.rdmaReads.load() },
        adapters.reduce(0) { $0 + $1.rdmaWrites.load() }
      )
    }

    /// A large send that nobody takes is taken back, and leaves a stream that works.
    @Test(arguments: [true, false])
    func aLargeSendTimesOut(reads: Bool) throws {
      var options = StreamOptions()
      options.usesRDMARead = reads
      try TestNetwork.run { network in
        let pair = try StreamPair(network, near: options, far: options)
        let bytes = pattern(1_000_000)
        var arrived = 0
        for _ in 0..<5 {
          let failure = #expect(throws: StreamError.self) {
            try pair.near.send(Array(bytes[arrived...]), within: .milliseconds(20))
          }
          guard case .timedOut(let count) = failure, count < bytes.count - arrived else {
            Issue.record("\(String(describing: failure))")
            return
          }
          #expect(try pair.far.receiveAll(count) == Array(bytes[arrived..<(arrived + count)]))
          arrived += count
        }
        let start = arrived
        let rest = Meanwhile { try pair.near.send(Array(bytes[start...])) }
        #expect(try pair.far.receiveAll(bytes.count - start) == Array(bytes[start...]))
        try rest.result()
        pair.close()
      }
    }

    /// Senders and receivers that give up all the time lose nothing and double nothing.
    @Test(arguments: [true, false])
    func timeOutsAtAnyMoment(reads: Bool) throws {
      var options = StreamOptions()
      options.usesRDMARead = reads
      options.receiveCount = 4
      try TestNetwork.run { network in
        let pair = try StreamPair(network, near: options, far: options)
        let bytes = pattern(8_000_000)
        let sending = Meanwhile {
          var (sent, step) = (0, 0)
          while sent < bytes.count {
            step = step &* 1_103_515_245 &+ 12_345
            let size = min(bytes.count - sent, 1 + (step >> 8 & 0x3FFFF))
            do throws(StreamError) {
              try pair.near.send(
                Array(bytes[sent..<(sent + size)]), within: .microseconds(step >> 9 & 1023))
              sent += size
            } catch .timedOut(let count) {
              sent += count
            }
          }
          try pair.near.finishSending()
        }
        var received: [UInt8] = []
        var step = 99
        while true {
          step = step &* 1_103_515_245 &+ 12_345
          do throws(StreamError) {
            let piece = try pair.far.receive(
              atMost: 1 + (step >> 8 & 0x1FFFF), within: .microseconds(step >> 9 & 1023))
            if piece.isEmpty { break }
            received += piece
          } catch .timedOut {}
        }
        try sending.result()
        // The arrays themselves would take minutes to print.
        let isSame = received == bytes
        #expect(isSame && received.count == bytes.count)
        pair.close()
      }
    }
  }
}
