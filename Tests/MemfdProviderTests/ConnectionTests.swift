import CWinsockDirect
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ProviderTests {
  struct ConnectionTests {
    /// A socket that listens, its event, and its port.
    private func listener(
      _ provider: StartedProvider, on text: String = StartedProvider.addresses[0], backlog: INT = 8
    ) throws -> (TestSocket, WSAEVENT?, UInt16) {
      let socket = try TestSocket(provider)
      let port = ConnectedPair.nextPort()
      let event = TestSwitch.shared.makeEvent()
      try #require(socket.bind(text, port: port) == 0)
      try #require(socket.listen(backlog) == 0)
      try #require(socket.select(event, FD_ACCEPT) == 0)
      return (socket, event, port)
    }

    /// Begins to connect to `address`; the event tells the end.
    private func connect(
      _ provider: StartedProvider, _ port: UInt16, to text: String = StartedProvider.addresses[0]
    ) throws -> (TestSocket, WSAEVENT?, INT) {
      let socket = try TestSocket(provider)
      let event = TestSwitch.shared.makeEvent()
      try #require(socket.select(event, FD_CONNECT) == 0)
      return (socket, event, socket.connect(text, port: port))
    }

    /// The number with which connecting ended.
    private func outcome(_ attempt: (TestSocket, WSAEVENT?, INT)) throws -> INT {
      let (socket, event, status) = attempt
      if status != WSAEWOULDBLOCK { return status }
      try #require(TestSwitch.shared.waitUntilSet(event))
      let events = try socket.events(event)
      #expect(events.lNetworkEvents == FD_CONNECT)
      #expect(!TestSwitch.shared.isSet(event))
      return events.iErrorCode.4
    }

    @Test("C25: connecting tells its end by the event", arguments: [0, 1])
    func connecting(adapter: Int) throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider, adapter: adapter)
        #expect(pair.near.connect("10.99.0.1", port: 1) == WSAEISCONN)
        pair.close()
      }
    }

    @Test("Either end publishes which process the other is")
    func peerProcess() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let publication = try Publication.current()
        let connected = (0..<Layout.maximumSockets).map { publication.socket($0) }
          .filter { $0.state.load() == SocketState.connected.rawValue }
        #expect(connected.map { $0.peerPID.load() } == [UInt32(getpid()), UInt32(getpid())])
        pair.close()
      }
    }

    @Test("C26: nobody listens, and no adapter reaches the address")
    func noListener() throws {
      try StartedProvider.run { provider in
        let error = try outcome(connect(provider, ConnectedPair.nextPort()))
        #expect([WSAECONNREFUSED, WSAECONNRESET].contains(error))
        #expect(try outcome(connect(provider, 80, to: "192.0.2.1")) == WSAENETUNREACH)
        // In the network of an adapter, but nobody knows whether it exists.
        #expect(try outcome(connect(provider, 80, to: "10.99.0.77")) == WSAETIMEDOUT)
      }
    }

    @Test("Without an event a connect waits for its end")
    func blockingConnect() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        let error = socket.connect(StartedProvider.addresses[0], port: ConnectedPair.nextPort())
        #expect([WSAECONNREFUSED, WSAECONNRESET].contains(error))
      }
    }

    @Test("C27: more requests than the backlog are refused at once")
    func backlog() throws {
      try StartedProvider.run { provider in
        let (listening, event, port) = try listener(provider, backlog: 2)
        _ = try connect(provider, port)
        try #require(TestSwitch.shared.waitUntilSet(event))
        _ = try connect(provider, port)
        var refusals = 0
        for _ in 0..<4 where refusals == 0 {
          let attempt = try connect(provider, port)
          if attempt.2 == WSAECONNREFUSED
            || TestSwitch.shared.waitUntilSet(attempt.1, seconds: 0.5)
          {
            #expect(try outcome(attempt) == WSAECONNREFUSED)
            refusals += 1
          }
        }
        #expect(refusals == 1)
        listening.close()
      }
    }

    @Test("C28, C29: the condition function decides on the calling thread, before the peer knows")
    func conditionAccepts() throws {
      try StartedProvider.run { provider in
        let (listening, event, port) = try listener(provider)
        let attempt = try connect(provider, port)
        try #require(TestSwitch.shared.waitUntilSet(event))
        Self.thread = nil
        Self.connected = attempt.1
        let before = TestSwitch.shared.handleCount
        let accepted = try listening.accept(
          { callerID, _, _, _, calleeID, _, _, data in
            Self.thread = pthread_self()
            Self.peerKnew = TestSwitch.shared.isSet(Self.connected)
            #expect(callerID?.pointee.len == 16 && calleeID?.pointee.len == 16)
            #expect(data == 77)
            return CF_ACCEPT
          }, callbackData: 77
        ).get()
        #expect(Self.thread.map { pthread_equal($0, pthread_self()) != 0 } == true)
        #expect(!Self.peerKnew)
        #expect(TestSwitch.shared.handleCount == before + 1)
        #expect(accepted.peer.sin_addr.s_addr == address("10.99.0.1", 0).sin_addr.s_addr)
        #expect(try outcome(attempt) == 0)
      }
    }
    nonisolated(unsafe) private static var thread: pthread_t?
    nonisolated(unsafe) private static var connected: WSAEVENT?
    nonisolated(unsafe) private static var peerKnew = false

    @Test("C29: a rejected request is refused at both ends; a deferred one waits")
    func conditionRejects() throws {
      try StartedProvider.run { provider in
        let (listening, event, port) = try listener(provider)
        let attempt = try connect(provider, port)
        try #require(TestSwitch.shared.waitUntilSet(event))
        let before = TestSwitch.shared.handleCount
        #expect(listening.accept({ _, _, _, _, _, _, _, _ in CF_DEFER }).number == WSATRY_AGAIN)
        #expect(
          listening.accept({ _, _, _, _, _, _, _, _ in CF_REJECT }).number == WSAECONNREFUSED)
        #expect(TestSwitch.shared.handleCount == before)
        #expect(try outcome(attempt) == WSAECONNREFUSED)
      }
    }

    @Test("C30: nothing pending would block; a second request is signalled after the first")
    func pendingRequests() throws {
      try StartedProvider.run { provider in
        let (listening, event, port) = try listener(provider)
        #expect(listening.accept().number == WSAEWOULDBLOCK)
        let first = try connect(provider, port)
        let second = try connect(provider, port)
        for attempt in [first, second] {
          try #require(TestSwitch.shared.waitUntilSet(event))
          #expect(try listening.events(event).lNetworkEvents == FD_ACCEPT)
          let accepted = try listening.accept().get()
          #expect(accepted.socket.descriptor != listening.descriptor)
          #expect(try outcome(attempt) == 0)
        }
        #expect(listening.accept().number == WSAEWOULDBLOCK)
      }
    }

    @Test("C31: what happened before the event was selected is signalled at once")
    func lateSelection() throws {
      try StartedProvider.run { provider in
        let (listening, event, port) = try listener(provider)
        _ = try connect(provider, port)
        try #require(TestSwitch.shared.waitUntilSet(event))
        let other = TestSwitch.shared.makeEvent()
        #expect(listening.select(other, FD_ACCEPT) == 0)
        #expect(TestSwitch.shared.isSet(other))
        #expect(try listening.events(other).lNetworkEvents == FD_ACCEPT)
        #expect(!TestSwitch.shared.isSet(other))
        #expect(try listening.events(other).lNetworkEvents == 0)
      }
    }

    @Test("A wildcard listener is reached over every adapter")
    func wildcard() throws {
      try StartedProvider.run { provider in
        let (listening, event, port) = try listener(provider, on: "0.0.0.0")
        for text in StartedProvider.addresses {
          let attempt = try connect(provider, port, to: text)
          try #require(TestSwitch.shared.waitUntilSet(event))
          #expect(try listening.events(event).lNetworkEvents == FD_ACCEPT)
          _ = try listening.accept().get()
          #expect(try outcome(attempt) == 0)
        }
      }
    }

    @Test("C32: a message that comes before the first receive is kept")
    func earlyMessage() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        memory.fill(1)
        _ = try pair.near.register(memory.base, 256, MEM_READ).get()
        let sending = TestRequest()
        #expect(sending.send(pair.near, memory.base, 256) == WSA_IO_PENDING)
        let target = TestMemory(pages: 1)
        _ = try pair.far.register(target.base, target.length, MEM_WRITE).get()
        let receiving = TestRequest()
        #expect(receiving.receive(pair.far, target.base, 512) == WSA_IO_PENDING)
        #expect(receiving.end(pair.far) == (0, 256))
        #expect(memcmp(memory.base, target.base, 256) == 0)
        #expect(sending.end(pair.near) == (0, 256))
      }
    }

    @Test("C33: a connect that is pending can be closed")
    func closeWhileConnecting() throws {
      try StartedProvider.run { provider in
        let (listening, event, port) = try listener(provider)
        let (socket, _, status) = try connect(provider, port)
        #expect(status == WSAEWOULDBLOCK)
        try #require(TestSwitch.shared.waitUntilSet(event))
        let handle = socket.handle
        #expect(socket.close() == 0)
        #expect(TestSwitch.shared.waitUntilClosed(handle))
        #expect(TestSwitch.shared.calls(for: handle) == ["close \(handle)"])
        _ = listening.accept()
        #expect(listening.close() == 0)
      }
    }
  }
}
