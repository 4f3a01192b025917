import CWinsockDirect
import Glibc
import Testing

extension ProviderTests {
  struct SocketTests {
    private func make(
      _ provider: StartedProvider, _ family: INT = AF_INET, _ type: INT = 1, _ number: INT = 6,
      group: GROUP = 0
    ) -> (SOCKET, INT) {
      var error: INT = 0
      let socket = provider.functions.lpWSPSocket(family, type, number, nil, group, 1, &error)
      return (socket, error)
    }

    @Test("C20: one upcall a socket, and a descriptor of the provider's own")
    func oneUpcall() throws {
      try StartedProvider.run { provider in
        let before = TestSwitch.shared.handleCount
        let first = try TestSocket(provider)
        let second = try TestSocket(provider)
        #expect(TestSwitch.shared.handleCount == before + 2)
        #expect(first.descriptor != second.descriptor)
        #expect(first.descriptor != first.handle)
        #expect(TestSwitch.shared.context(of: first.handle) == DWORD_PTR(first.descriptor))
      }
    }

    @Test("C21: a refused upcall is the answer")
    func refusedUpcall() throws {
      try StartedProvider.run { provider in
        TestSwitch.shared.refuseHandles(WSAENOBUFS)
        defer { TestSwitch.shared.refuseHandles(0) }
        #expect(make(provider) == (INVALID_SOCKET, WSAENOBUFS))
      }
    }

    @Test("C22: another family, type or protocol, and a group")
    func wrongKinds() throws {
      try StartedProvider.run { provider in
        let before = TestSwitch.shared.handleCount
        #expect(make(provider, AF_INET6) == (INVALID_SOCKET, WSAEAFNOSUPPORT))
        #expect(make(provider, AF_INET, 2, 17) == (INVALID_SOCKET, WSAESOCKTNOSUPPORT))
        #expect(make(provider, AF_INET, 1, 17) == (INVALID_SOCKET, WSAEPROTONOSUPPORT))
        #expect(make(provider, group: 1) == (INVALID_SOCKET, WSAEINVAL))
        #expect(TestSwitch.shared.handleCount == before)
      }
    }

    @Test("C23: foreign addresses, short names, the wildcard")
    func binding() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        #expect(socket.bind("10.1.2.3") == WSAEADDRNOTAVAIL)
        var name = sockaddr()
        name.sa_family = sa_family_t(AF_INET)
        let short = failure { provider.functions.lpWSPBind(socket.descriptor, &name, 15, $0) }
        #expect(short == WSAEFAULT)
        let none = failure { provider.functions.lpWSPBind(socket.descriptor, nil, 16, $0) }
        #expect(none == WSAEFAULT)
        name.sa_family = sa_family_t(AF_INET6)
        let other = failure { provider.functions.lpWSPBind(socket.descriptor, &name, 16, $0) }
        #expect(other == WSAEFAULT)
        #expect(socket.bind("0.0.0.0") == 0)
        #expect(socket.bind("0.0.0.0") == WSAEINVAL)
      }
    }

    @Test("C24: listening needs a bound socket that is not connected")
    func listening() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        #expect(socket.listen() == WSAEINVAL)
        let pair = try ConnectedPair(provider)
        #expect(pair.near.listen() == WSAEISCONN)
        #expect(pair.far.listen() == WSAEISCONN)
      }
    }

    @Test("C31: only FD_ACCEPT and FD_CONNECT can be selected")
    func selecting() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        let event = TestSwitch.shared.makeEvent()
        #expect(socket.select(event, FD_READ) == WSAEINVAL)
        #expect(socket.select(event, FD_ACCEPT | FD_CLOSE) == WSAEINVAL)
        #expect(socket.select(nil, FD_ACCEPT) == WSAEINVAL)
        #expect(socket.select(event, FD_ACCEPT | FD_CONNECT) == 0)
        #expect(socket.select(nil, 0) == 0)
        var none: INT = 0
        let status = provider.functions.lpWSPEnumNetworkEvents(
          socket.descriptor, event, nil, &none)
        #expect(status == SOCKET_ERROR && none == WSAEFAULT)
      }
    }

    @Test("C78: a closed descriptor is no socket, also when its entry is used again")
    func closedDescriptor() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        let handle = socket.handle
        #expect(socket.close() == 0)
        #expect(TestSwitch.shared.waitUntilClosed(handle))
        for _ in 0..<20 { _ = try TestSocket(provider) }
        #expect(socket.close() == WSAENOTSOCK)
        #expect(socket.listen() == WSAENOTSOCK)
        #expect(socket.bind("0.0.0.0") == WSAENOTSOCK)
        #expect(socket.register(nil, 1).number == WSAENOTSOCK)
        #expect(socket.deregister(nil) == WSAENOTSOCK)
        #expect(TestRequest().poll(socket).error == WSAENOTSOCK)
        for descriptor: SOCKET in [0, 1 << 63, SOCKET.max - 1, 4097] {
          #expect(
            failure { provider.functions.lpWSPListen(descriptor, 1, $0) } == WSAENOTSOCK)
        }
      }
    }

    @Test("C78: transfers need a connection")
    func notConnected() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        let memory = TestMemory(pages: 1)
        let request = TestRequest()
        #expect(request.send(socket, memory.base, 8) == WSAENOTCONN)
        #expect(request.receive(socket, memory.base, 8) == WSAENOTCONN)
        let descriptor = [UInt8](repeating: 0, count: 32)
        #expect(request.write(socket, [], to: descriptor) == WSAENOTCONN)
        #expect(request.read(socket, [], from: descriptor) == WSAENOTCONN)
        #expect(request.overlapped.pointee.Internal == 0)
      }
    }
  }
}
