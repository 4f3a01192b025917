import Glibc
import SocketsSwitch
import Testing

@testable import StreamSockets

extension StreamTests {
  /// Goal: a stream is the same whatever carries it, and it is carried by what the rule says.
  @Suite struct TransportTests {
    /// What every stream can do.
    private func exercise(_ pair: StreamPair) throws {
      try pair.near.send(Array("Hello".utf8))
      #expect(try pair.far.receiveAll(5) == Array("Hello".utf8))
      let (small, large) = (pattern(20_000), pattern(3_000_001, seed: 5))
      let sending = Meanwhile {
        try pair.near.send(small)
        try pair.near.send(large)
        try pair.near.finishSending()
      }
      #expect(try pair.far.receiveAll(small.count) == small)
      #expect(try pair.far.receiveAll(large.count + 1) == large)
      try sending.result()
      #expect(try pair.far.receive(atMost: 10, within: .seconds(10)).isEmpty)
      let failure = #expect(throws: StreamError.self) { try pair.near.send([1]) }
      // The kernel says that the pipe is broken.
      #expect(failure == (pair.near.transport == .tcp ? .reset : .finished))
      // The other direction goes on.
      try pair.far.send([1, 2, 3])
      #expect(try pair.near.receiveAll(3) == [1, 2, 3])
      pair.far.close()
      #expect(try pair.near.receive(atMost: 10, within: .seconds(10)).isEmpty)
      pair.near.close()
      #expect(throws: StreamError.closed) { try pair.near.send([1]) }
      #expect(throws: StreamError.closed) { try pair.near.receive(atMost: 1) }
    }

    @Test func overTCP() throws {
      try TestNetwork.runWithoutProvider { network in
        let pair = try StreamPair(network)
        #expect(pair.near.transport == .tcp && pair.far.transport == .tcp)
        try exercise(pair)
      }
    }

    @Test func throughAProvider() throws {
      try TestNetwork.run { network in
        let pair = try StreamPair(network)
        #expect(pair.near.transport == .provider(network.providers[0]))
        #expect(pair.far.transport == .provider(network.providers[0]))
        try exercise(pair)
      }
    }

    /// Of a subnet that no adapter has.
    @Test func elsewhereItIsTCPAtOnce() throws {
      try TestNetwork.run { network in
        let pair = try StreamPair(network, to: IPv4Address("127.0.0.1")!)
        #expect(pair.near.transport == .tcp)
        try exercise(pair)
      }
    }

    /// A host in the adapter's subnet, on which nobody has the provider.
    @Test func aNeighbourWithoutProviderIsReachedOverTCP() throws {
      try TestNetwork.run { network in
        let pair = try StreamPair(network, to: TestNetwork.neighbour)
        #expect(pair.near.transport == .tcp)
        try exercise(pair)
      }
    }

    /// One listener, connections of both kinds.
    @Test func aListenerHearsBoth() throws {
      try TestNetwork.run { network in
        let listener = try StreamListener(at: SocketAddress(.any, port: 0), through: network)
        #expect(listener.listensAtProviders)
        let port = listener.address.port
        let places = [
          (TestNetwork.address, false), (TestNetwork.otherAddress, false),
          (IPv4Address("127.0.0.1")!, true),
        ]
        for (address, isTCP) in places {
          let accepting = Meanwhile { try listener.accept(within: .seconds(10)) }
          let near = try StreamSocket.connect(
            to: SocketAddress(address, port: port), through: network, within: .seconds(10))
          let far = try accepting.result()
          #expect((near.transport == .tcp) == isTCP && (far.transport == .tcp) == isTCP)
          try near.send([7])
          #expect(try far.receiveAll(1) == [7])
        }
        #expect(throws: StreamError.timedOut(byteCount: 0)) {
          try listener.accept(within: .milliseconds(10))
        }
        listener.close()
        #expect(throws: StreamError.closed) { try listener.accept(within: .seconds(1)) }
      }
    }

    @Test func aListenerThatIsClosedWakesWhoWaits() throws {
      try TestNetwork.run { network in
        let listener = try StreamListener(
          at: SocketAddress(TestNetwork.address, port: 0), through: network)
        let accepting = Meanwhile { try listener.accept(within: .seconds(60)) }
        listener.close()
        #expect(throws: StreamError.closed) { try accepting.result() }
      }
    }

    @Test func addressesThatCannotBe() throws {
      try TestNetwork.run { network in
        let there = SocketAddress(IPv4Address("198.51.100.1")!, port: 0)
        #expect(throws: StreamError.addressNotAvailable) {
          try StreamListener(at: there, through: network)
        }
        let first = try StreamListener(
          at: SocketAddress(TestNetwork.address, port: 0), through: network)
        #expect(throws: StreamError.addressInUse) {
          try StreamListener(at: first.address, through: network)
        }
        var options = StreamOptions()
        options.receiveCount = 1
        #expect(throws: StreamError.invalidOption("receiveCount is 2 to 200")) {
          try StreamListener(at: there, through: network, options: options)
        }
      }
    }

    /// An address of an adapter alone, which the kernel does not have.
    @Test func anAdaptersAddressNeedNotBeTheKernels() throws {
      try TestNetwork.run(adapters: "stream0=10.99.77.1/24") { network in
        let pair = try StreamPair(network, to: IPv4Address("10.99.77.1")!)
        #expect(pair.near.transport != .tcp)
        pair.close()
      }
    }
  }
}
