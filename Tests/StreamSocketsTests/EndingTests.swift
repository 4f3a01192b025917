import Glibc
import SocketsSwitch
import Testing

@testable import StreamSockets

extension StreamTests {
  /// Goal: what was sent before an orderly close arrives, and an end without one is told.
  @Suite struct EndingTests {
    private func run(overTCP: Bool, _ body: (SocketsSwitch) throws -> Void) throws {
      if overTCP {
        try TestNetwork.runWithoutProvider(body)
      } else {
        try TestNetwork.run { try body($0) }
      }
    }

    /// The receiver has posted enough; it reads when the sender is long gone.
    @Test(arguments: [true, false])
    func closedInOrder(overTCP: Bool) throws {
      try run(overTCP: overTCP) { network in
        let pair = try StreamPair(network)
        let bytes = pattern(30_000)
        try pair.near.send(bytes)
        pair.near.close()
        #expect(try pair.far.receiveAll(bytes.count + 1) == bytes)
        #expect(try pair.far.receive(atMost: 1).isEmpty)
        pair.far.close()
      }
    }

    @Test(arguments: [true, false])
    func sendingToWhoHasClosed(overTCP: Bool) throws {
      try run(overTCP: overTCP) { network in
        let pair = try StreamPair(network)
        try pair.near.send([1])
        pair.near.close()
        // It may take a moment until it is known.
        #expect(throws: StreamError.reset) {
          while true { try pair.far.send(pattern(100_000), within: .seconds(10)) }
        }
        pair.far.close()
      }
    }

    @Test(arguments: [true, false])
    func closedAtOnce(overTCP: Bool) throws {
      try run(overTCP: overTCP) { network in
        let pair = try StreamPair(network)
        let receiving = Meanwhile { try pair.far.receive(atMost: 1, within: .seconds(10)) }
        pair.near.abort()
        #expect(throws: StreamError.reset) { try receiving.result() }
        #expect(throws: StreamError.closed) { try pair.near.send([1]) }
      }
    }

    /// A thread that waits is told when another closes the stream under it.
    @Test(arguments: [true, false])
    func closedByAnotherThread(overTCP: Bool) throws {
      try run(overTCP: overTCP) { network in
        let pair = try StreamPair(network)
        let receiving = Meanwhile { try pair.near.receive(atMost: 1, within: .seconds(60)) }
        let bytes = [UInt8](repeating: 5, count: 60_000_000)
        let sending = Meanwhile { try pair.near.send(bytes, within: .seconds(60)) }
        // Both wait, or will.
        _ = try pair.far.receiveAll(100)
        pair.near.abort()
        #expect(throws: StreamError.closed) { try receiving.result() }
        #expect(throws: StreamError.closed) { try sending.result() }
        pair.far.close()
      }
    }

    /// While the peer reads out of a buffer, the sender's program closes the stream.
    @Test func closedInTheMiddleOfALargeSend() throws {
      try TestNetwork.run { network in
        let bytes = [UInt8](repeating: 5, count: 4_000_000)
        for _ in 0..<20 {
          let pair = try StreamPair(network)
          let sending = Meanwhile { try pair.near.send(bytes, within: .seconds(60)) }
          _ = try pair.far.receiveAll(5_000)
          pair.near.close()
          #expect(throws: StreamError.closed) { try sending.result() }
          #expect(throws: StreamError.reset) {
            while try !pair.far.receive(atMost: 100_000).isEmpty {}
          }
          pair.far.close()
        }
      }
    }

    /// Nothing of a stream stays registered, in use or open.
    @Test func nothingIsLeft() throws {
      try TestNetwork.run { network in
        for _ in 0..<3 {
          let pair = try StreamPair(network)
          let sending = Meanwhile { try pair.near.send(pattern(2_000_000)) }
          _ = try pair.far.receiveAll(2_000_000)
          try sending.result()
          pair.close()
        }
        let statistics = network.statistics
        #expect(statistics.regions == 0 && statistics.pinnedBytes == 0)
        #expect(statistics.quarantined == 0)
      }
    }
  }
}
