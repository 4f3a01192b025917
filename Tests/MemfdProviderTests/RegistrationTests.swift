import CWinsockDirect
import Glibc
import MemfdNIC
import Testing

extension ProviderTests {
  struct RegistrationTests {
    /// The size of a descriptor.
    private static let size = 32

    @Test("C34: registering needs a connection")
    func notConnected() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        let memory = TestMemory(pages: 1)
        #expect(socket.register(memory.base, 100).number == WSAENOTCONN)
        #expect(socket.expose(memory.base, 100, MEM_READ).number == WSAENOTCONN)
      }
    }

    @Test("C35: bad flags, no buffer, unmapped and partly unmapped buffers, a length that wraps")
    func badArguments() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 4)
        for flags: INT in [0, 4, 7, -1] {
          #expect(pair.near.register(memory.base, 100, flags).number == WSAEINVAL)
          #expect(pair.near.expose(memory.base, 100, flags).number == WSAEINVAL)
        }
        munmap(memory.base + 8192, 4096)
        let wrapping = UnsafeMutableRawPointer(bitPattern: UInt.max - 50)
        let unmapped: [(UnsafeMutableRawPointer?, Int)] = [
          (nil, 100), (memory.base + 8192, 100), (memory.base, memory.length),
          (memory.base + 8000, 1000), (wrapping, 100), (memory.base, 0),
        ]
        for (base, length) in unmapped {
          #expect(pair.near.register(base, length).number == WSAEFAULT)
          #expect(pair.near.expose(base, length, MEM_READ).number == WSAEFAULT)
        }
        #expect(pair.near.register(memory.base, 8192).number == 0)
      }
    }

    @Test("C37: registered twice, deregistered twice; the memory works in between")
    func counted() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let first = try pair.near.register(memory.base, 100).get()
        let second = try pair.near.register(memory.base, 100).get()
        #expect(pair.near.deregister(first) == 0)
        try exchange(from: pair.near, memory, to: pair.far)
        #expect(pair.near.deregister(second) == 0)
        #expect(TestRequest().send(pair.near, memory.base, 100) == WSAEFAULT)
        #expect(pair.near.deregister(second) == WSAEINVAL)
      }
    }

    @Test("C38: one buffer on two sockets; deregistering on one leaves the other")
    func twoSockets() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let other = try ConnectedPair(provider, adapter: 1)
        let memory = TestMemory(pages: 1)
        let handle = try pair.near.register(memory.base, 100).get()
        _ = try other.near.register(memory.base, 100).get()
        #expect(pair.near.deregister(handle) == 0)
        try exchange(from: other.near, memory, to: other.far)
      }
    }

    @Test("C39: handles that were never given, are given back, or belong to another socket")
    func badHandles() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let handle = try pair.near.register(memory.base, 100).get()
        #expect(pair.far.deregister(handle) == WSAEINVAL)
        for bits: UInt in [0, 1, 0xFFFF_FFFF, 1 << 63, UInt.max, UInt(bitPattern: memory.base)]
        where HANDLE(bitPattern: bits) != handle {
          #expect(pair.near.deregister(HANDLE(bitPattern: bits)) == WSAEINVAL)
        }
        #expect(pair.near.deregister(handle) == 0)
        #expect(pair.near.deregister(handle) == WSAEINVAL)
      }
    }

    @Test("C40: memory that a transfer uses stays registered until it has ended")
    func inUse() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let source = TestMemory(pages: 1)
        let handle = try pair.near.register(memory.base, 100).get()
        let receiving = TestRequest()
        #expect(receiving.receive(pair.near, memory.base, 100) == WSA_IO_PENDING)
        #expect(pair.near.deregister(handle) == WSAEINVAL)
        source.fill(3)
        _ = try pair.far.register(source.base, 100, MEM_READ).get()
        let sending = TestRequest()
        #expect(sending.send(pair.far, source.base, 100) == WSA_IO_PENDING)
        #expect(receiving.end(pair.near) == (0, 100))
        #expect(memcmp(memory.base, source.base, 100) == 0)
        #expect(pair.near.deregister(handle) == 0)
      }
    }

    @Test("C41, C42: the size of a descriptor is asked for with too little room")
    func descriptorSize() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        for wanted: DWORD in [0, 31] {
          var size = wanted
          let error = failure {
            provider.registerRdmaMemory(pair.near.descriptor, nil, 0, 99, nil, &size, $0)
          }
          #expect(error == WSAEFAULT)
          #expect(size == DWORD(Self.size))
        }
        // Enough room and a bad buffer: the length is left alone (decision 1).
        var size: DWORD = 40
        let error = failure {
          provider.registerRdmaMemory(
            pair.near.descriptor, nil, 10, DWORD(MEM_READ), nil, &size, $0)
        }
        #expect(error == WSAEFAULT && size == 40)
        #expect(try pair.near.expose(memory.base, 100, MEM_READ).get().count == Self.size)
      }
    }

    @Test("C44: descriptors that were altered, cut, used before or another socket's")
    func badDescriptors() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let descriptor = try pair.near.expose(memory.base, 100, MEM_READ).get()
        for index in descriptor.indices {
          var altered = descriptor
          altered[index] ^= 0x40
          #expect(pair.near.conceal(altered) == WSAEINVAL)
        }
        #expect(pair.near.conceal(Array(descriptor.dropLast())) == WSAEINVAL)
        #expect(pair.far.conceal(descriptor) == WSAEINVAL)
        #expect(pair.near.conceal(descriptor + [0, 0]) == 0)
        #expect(pair.near.conceal(descriptor) == WSAEINVAL)
      }
    }

    @Test(
      "C43, C46: what is deregistered cannot be reached, though it is cached", arguments: [0, 1])
    func concealed(adapter: Int) throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider, adapter: adapter)
        let memory = TestMemory(pages: 1)
        let source = TestMemory(pages: 1)
        source.fill(5)
        let handle = try pair.far.register(source.base, source.length, MEM_READ).get()
        let descriptor = try pair.near.expose(memory.base, memory.length, MEM_WRITE).get()
        let request = TestRequest()
        let buffer = WSABUFEX(source.base, source.length, handle)
        #expect(request.write(pair.far, [buffer], to: descriptor) == WSA_IO_PENDING)
        #expect(request.end(pair.far) == (0, DWORD(source.length)))
        #expect(memory.holds(5))
        #expect(pair.near.conceal(descriptor) == 0)
        memory.clear()
        if request.write(pair.far, [buffer], to: descriptor) == WSA_IO_PENDING {
          #expect(request.end(pair.far).error == WSAECONNABORTED)
        }
        #expect((0..<memory.length).allSatisfy { memory[$0] == 0 })
      }
    }

    @Test("C47: the peer may only do what the descriptor says, also when more is cached")
    func peerAccess() throws {
      try StartedProvider.run { provider in
        let memory = TestMemory(pages: 1)
        for (flags, writes) in [(MEM_READ, true), (MEM_WRITE, false)] {
          let pair = try ConnectedPair(provider)
          let local = TestMemory(pages: 1)
          local.fill(9)
          memory.clear()
          // The wider registration that is in the cache, and in use.
          _ = try pair.near.register(memory.base, memory.length, MEM_READWRITE).get()
          let descriptor = try pair.near.expose(memory.base, memory.length, flags).get()
          let handle = try pair.far.register(local.base, local.length).get()
          let buffer = WSABUFEX(local.base, local.length, handle)
          let request = TestRequest()
          let status =
            writes
            ? request.write(pair.far, [buffer], to: descriptor)
            : request.read(pair.far, [buffer], from: descriptor)
          if status == WSA_IO_PENDING {
            #expect(request.end(pair.far).error == WSAECONNABORTED)
          } else {
            #expect(status == WSAEINVAL)
          }
          #expect(local.holds(9))
          #expect((0..<memory.length).allSatisfy { memory[$0] == 0 })
          pair.close()
        }
      }
    }

    @Test("C48: a descriptor of one connection is refused on another")
    func otherConnection() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let other = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let source = TestMemory(pages: 1)
        source.fill(2)
        let descriptor = try pair.near.expose(memory.base, memory.length, MEM_READWRITE).get()
        let handle = try other.far.register(source.base, source.length).get()
        let request = TestRequest()
        let status = request.write(
          other.far, [WSABUFEX(source.base, source.length, handle)], to: descriptor)
        if status == WSA_IO_PENDING { #expect(request.end(other.far).error == WSAECONNABORTED) }
        #expect((0..<memory.length).allSatisfy { memory[$0] == 0 })
      }
    }

    @Test("C49: after the connection is closed the memory cannot be reached")
    func closedConnection() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let source = TestMemory(pages: 1)
        source.fill(2)
        let descriptor = try pair.near.expose(memory.base, memory.length, MEM_READWRITE).get()
        let handle = try pair.far.register(source.base, source.length).get()
        #expect(pair.near.close() == 0)
        let request = TestRequest()
        let status = request.write(
          pair.far, [WSABUFEX(source.base, source.length, handle)], to: descriptor)
        #expect(status != 0)
        if status == WSA_IO_PENDING { #expect(request.end(pair.far).error == WSAECONNRESET) }
        #expect((0..<memory.length).allSatisfy { memory[$0] == 0 })
      }
    }

    @Test("C50: memory that is registered for reading is no target")
    func localAccess() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let remote = TestMemory(pages: 1)
        let readable = try pair.near.register(memory.base, 100, MEM_READ).get()
        let descriptor = try pair.far.expose(remote.base, 100, MEM_READWRITE).get()
        let request = TestRequest()
        #expect(request.receive(pair.near, memory.base, 100) == WSAEFAULT)
        let buffer = WSABUFEX(memory.base, 100, readable)
        #expect(request.read(pair.near, [buffer], from: descriptor) == WSAEFAULT)
        #expect(request.write(pair.near, [buffer], to: descriptor) == WSA_IO_PENDING)
        #expect(request.end(pair.near).error == 0)
        let writable = try pair.near.register(memory.base + 200, 100, MEM_WRITE).get()
        let target = WSABUFEX(memory.base + 200, 100, writable)
        #expect(request.write(pair.near, [target], to: descriptor) == WSAEFAULT)
        #expect(request.read(pair.near, [target], from: descriptor) == WSA_IO_PENDING)
        #expect(request.end(pair.near).error == 0)
      }
    }
  }
}

/// Sends 100 bytes of registered memory, and checks that they arrive.
func exchange(from sender: TestSocket, _ memory: TestMemory, to receiver: TestSocket) throws {
  let target = TestMemory(pages: 1)
  memory.fill(7)
  _ = try receiver.register(target.base, target.length, MEM_WRITE).get()
  let receiving = TestRequest()
  let sending = TestRequest()
  #expect(receiving.receive(receiver, target.base, target.length) == WSA_IO_PENDING)
  #expect(sending.send(sender, memory.base, 100) == WSA_IO_PENDING)
  #expect(receiving.end(receiver) == (0, 100))
  #expect(sending.end(sender) == (0, 100))
  #expect(memcmp(memory.base, target.base, 100) == 0)
}
