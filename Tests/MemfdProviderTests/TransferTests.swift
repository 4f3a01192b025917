import CWinsockDirect
import Glibc
import Testing

extension ProviderTests {
  struct TransferTests {
    @Test("C62, C63, C65: a polled request is in progress until it has ended; no upcall")
    func polled() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        _ = try pair.near.register(memory.base, memory.length).get()
        _ = try pair.far.register(memory.base + 4096, 4096).get()
        let receiving = TestRequest()
        #expect(receiving.receive(pair.near, memory.base, 100) == WSA_IO_PENDING)
        #expect(receiving.overlapped.pointee.Internal == ULONG_PTR(WSS_OPERATION_IN_PROGRESS))
        #expect(receiving.poll(pair.near) == (WSA_IO_INCOMPLETE, 0xDEAD))
        let sending = TestRequest()
        #expect(sending.send(pair.far, memory.base + 4096, 60) == WSA_IO_PENDING)
        #expect(receiving.end(pair.near) == (0, 60))
        #expect(sending.end(pair.far) == (0, 60))
        #expect(receiving.overlapped.pointee.Internal == 0)
        #expect(TestSwitch.shared.completions(of: receiving.overlapped).isEmpty)
        #expect(TestSwitch.shared.completions(of: sending.overlapped).isEmpty)
      }
    }

    @Test("C64: a notified request makes one upcall, with the switch's socket")
    func notified() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        let near = try pair.near.register(memory.base, memory.length).get()
        _ = try pair.far.register(memory.base + 4096, 4096).get()
        let receiving = TestRequest(polled: false)
        let sending = TestRequest(polled: false)
        #expect(receiving.receive(pair.near, memory.base, 100) == WSA_IO_PENDING)
        #expect(sending.send(pair.far, memory.base + 4096, 60) == WSA_IO_PENDING)
        #expect(receiving.end(pair.near) == (0, 60))
        #expect(sending.end(pair.far) == (0, 60))
        // Its memory was free before that was to be seen.
        #expect(pair.near.deregister(near) == 0)
        for (request, socket) in [(receiving, pair.near), (sending, pair.far)] {
          let completions = TestSwitch.shared.completions(of: request.overlapped)
          #expect(completions.map(\.socket) == [socket.handle])
          #expect(request.poll(socket) == (0, 60))
        }
      }
    }

    @Test("C66, C72: a write gathers in order, and changes exactly its bytes", arguments: [0, 1])
    func write(adapter: Int) throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider, adapter: adapter)
        let source = TestMemory(pages: 4)
        let target = TestMemory(pages: 4)
        source.fill(1)
        target.fill(200)
        let handle = try pair.near.register(source.base, source.length, MEM_READ).get()
        let other = try pair.near.register(source.base, source.length, MEM_READ).get()
        let descriptor = try pair.far.expose(target.base, target.length, MEM_WRITE).get()
        let request = TestRequest()
        let buffers = [
          WSABUFEX(source.base + 5000, 3001, handle), WSABUFEX(source.base + 17, 1, other),
          WSABUFEX(source.base + 9000, 0, handle), WSABUFEX(source.base, 4097, handle),
        ]
        #expect(request.write(pair.near, buffers, to: descriptor, offset: 1001) == WSA_IO_PENDING)
        #expect(request.end(pair.near) == (0, 7099))
        let sent = (5000..<8001).map { source[$0] } + [source[17]] + (0..<4097).map { source[$0] }
        #expect((0..<sent.count).allSatisfy { target[1001 + $0] == sent[$0] })
        #expect((0..<1001).allSatisfy { target[$0] == TestMemory.byte($0, 200) })
        #expect((8100..<target.length).allSatisfy { target[$0] == TestMemory.byte($0, 200) })
      }
    }

    @Test("C67: a read scatters in order, from the offset", arguments: [0, 1])
    func read(adapter: Int) throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider, adapter: adapter)
        let local = TestMemory(pages: 4)
        let remote = TestMemory(pages: 4)
        remote.fill(1)
        local.fill(200)
        let handle = try pair.near.register(local.base, local.length, MEM_WRITE).get()
        let descriptor = try pair.far.expose(remote.base, remote.length, MEM_READ).get()
        let request = TestRequest(polled: false)
        let buffers = [
          WSABUFEX(local.base + 9000, 5000, handle), WSABUFEX(local.base + 3, 2222, handle),
        ]
        #expect(request.read(pair.near, buffers, from: descriptor, offset: 777) == WSA_IO_PENDING)
        #expect(request.end(pair.near) == (0, 7222))
        #expect((0..<5000).allSatisfy { local[9000 + $0] == remote[777 + $0] })
        #expect((0..<2222).allSatisfy { local[3 + $0] == remote[5777 + $0] })
        #expect((2225..<9000).allSatisfy { local[$0] == TestMemory.byte($0, 200) })
        #expect((14000..<local.length).allSatisfy { local[$0] == TestMemory.byte($0, 200) })
      }
    }

    @Test("C68: beyond the end of the peer's buffer, though its region is larger")
    func remoteBounds() throws {
      try StartedProvider.run { provider in
        for offset: DWORD in [1, 4097, .max] {
          let pair = try ConnectedPair(provider)
          let source = TestMemory(pages: 1)
          let target = TestMemory(pages: 4)
          source.fill(1)
          let handle = try pair.near.register(source.base, source.length, MEM_READ).get()
          // The region that is cached is the whole of it.
          _ = try pair.far.register(target.base, target.length).get()
          let descriptor = try pair.far.expose(target.base, 4096, MEM_WRITE).get()
          let request = TestRequest()
          let buffer = WSABUFEX(source.base, 4096, handle)
          let status = request.write(pair.near, [buffer], to: descriptor, offset: offset)
          if status == WSA_IO_PENDING {
            #expect(request.end(pair.near).error == WSAECONNABORTED)
          } else {
            #expect(status == WSAEINVAL)
          }
          #expect((4096..<target.length).allSatisfy { target[$0] == 0 })
          pair.close()
        }
      }
    }

    @Test("C68: a descriptor that claims more than it was given breaks the connection")
    func forgedBounds() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let source = TestMemory(pages: 1)
        let target = TestMemory(pages: 4)
        source.fill(1)
        let handle = try pair.near.register(source.base, source.length, MEM_READ).get()
        var descriptor = try pair.far.expose(target.base, 4096, MEM_WRITE).get()
        // Its length, as whoever wants to reach more would change it.
        descriptor.replaceSubrange(16..<24, with: [255, 255, 255, 0, 0, 0, 0, 0])
        let request = TestRequest()
        let buffer = WSABUFEX(source.base, 4096, handle)
        let status = request.write(pair.near, [buffer], to: descriptor, offset: 4096)
        if status == WSA_IO_PENDING {
          #expect(request.end(pair.near).error == WSAECONNABORTED)
        } else {
          #expect(status == WSAEINVAL)
        }
        #expect((4096..<target.length).allSatisfy { target[$0] == 0 })
      }
    }

    @Test("C69, C71: messages keep their order and edges, and follow the data that were written")
    func order() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let source = TestMemory(pages: 16)
        let target = TestMemory(pages: 16)
        let room = TestMemory(pages: 1)
        let handle = try pair.near.register(source.base, source.length, MEM_READ).get()
        _ = try pair.far.register(room.base, room.length, MEM_WRITE).get()
        let descriptor = try pair.far.expose(target.base, target.length, MEM_WRITE).get()
        for round in 1...8 {
          source.fill(round)
          let receives = (0..<3).map { _ in TestRequest() }
          for (index, request) in receives.enumerated() {
            #expect(
              request.receive(pair.far, room.base + 1000 * index, 1000) == WSA_IO_PENDING)
          }
          let write = TestRequest()
          let buffer = WSABUFEX(source.base, source.length, handle)
          #expect(write.write(pair.near, [buffer], to: descriptor) == WSA_IO_PENDING)
          let sends = (0..<3).map { _ in TestRequest() }
          for (index, request) in sends.enumerated() {
            #expect(
              request.send(pair.near, source.base + index, 10 * (index + 1)) == WSA_IO_PENDING)
          }
          for (index, request) in receives.enumerated() {
            #expect(request.end(pair.far) == (0, DWORD(10 * (index + 1))))
            #expect(memcmp(room.base + 1000 * index, source.base + index, 10) == 0)
            #expect(target.holds(round))
          }
          #expect(write.end(pair.near).error == 0)
          for request in sends { #expect(request.end(pair.near).error == 0) }
        }
      }
    }

    @Test("C70: a message does not overtake the read before it")
    func fence() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let local = TestMemory(pages: 64)
        let remote = TestMemory(pages: 64)
        let room = TestMemory(pages: 1)
        let handle = try pair.near.register(local.base, local.length).get()
        _ = try pair.far.register(room.base, room.length).get()
        let descriptor = try pair.far.expose(remote.base, remote.length, MEM_READ).get()
        for round in 1...4 {
          remote.fill(round)
          let receiving = TestRequest()
          #expect(receiving.receive(pair.far, room.base, 100) == WSA_IO_PENDING)
          let read = TestRequest()
          let sending = TestRequest()
          let buffer = WSABUFEX(local.base, local.length, handle)
          #expect(read.read(pair.near, [buffer], from: descriptor) == WSA_IO_PENDING)
          #expect(sending.send(pair.near, local.base, 1) == WSA_IO_PENDING)
          #expect(receiving.end(pair.far).error == 0)
          // The peer may use its memory again now.
          remote.fill(round + 100)
          #expect(read.end(pair.near) == (0, DWORD(local.length)))
          #expect(local.holds(round))
          #expect(sending.end(pair.near).error == 0)
        }
      }
    }

    @Test("C73, C74: memory that is not registered, and handles that are not this memory's")
    func unregistered() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        let remote = TestMemory(pages: 2)
        let descriptor = try pair.far.expose(remote.base, remote.length, MEM_READWRITE).get()
        let request = TestRequest(polled: false)
        #expect(request.send(pair.near, memory.base, 100) == WSAEFAULT)
        #expect(request.receive(pair.near, memory.base, 100) == WSAEFAULT)
        let handle = try pair.near.register(memory.base + 100, 100).get()
        let foreign = try pair.far.register(memory.base, memory.length).get()
        #expect(request.send(pair.near, memory.base + 99, 10) == WSAEFAULT)
        #expect(request.receive(pair.near, memory.base + 150, 51) == WSAEFAULT)
        for (offset, length) in [(99, 10), (150, 51), (100, 101)] {
          let buffer = WSABUFEX(memory.base + offset, length, handle)
          #expect(request.write(pair.near, [buffer], to: descriptor) == WSAEFAULT)
          #expect(request.read(pair.near, [buffer], from: descriptor) == WSAEFAULT)
        }
        let buffer = WSABUFEX(memory.base + 100, 10, foreign)
        #expect(request.write(pair.near, [buffer], to: descriptor) == WSAEINVAL)
        #expect(request.write(pair.near, [buffer], to: Array(descriptor.dropLast())) == WSAEINVAL)
        let many = [WSABUFEX](repeating: WSABUFEX(memory.base + 100, 1, handle), count: 17)
        #expect(request.write(pair.near, many, to: descriptor) == WSAEINVAL)
        #expect((0..<remote.length).allSatisfy { remote[$0] == 0 })
        // Nothing of that counts as a use.
        #expect(pair.near.deregister(handle) == 0)
        #expect(TestSwitch.shared.completions(of: request.overlapped).isEmpty)
      }
    }

    @Test("C76: a transfer of no bytes succeeds")
    func empty() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 1)
        let remote = TestMemory(pages: 1)
        let handle = try pair.near.register(memory.base, 100).get()
        let descriptor = try pair.far.expose(remote.base, 100, MEM_READWRITE).get()
        for polled in [true, false] {
          let request = TestRequest(polled: polled)
          let buffer = WSABUFEX(memory.base, 0, handle)
          #expect(request.write(pair.near, [buffer], to: descriptor) == WSA_IO_PENDING)
          #expect(request.end(pair.near) == (0, 0))
          TestSwitch.shared.forget(request.overlapped)
          #expect(request.read(pair.near, [], from: descriptor) == WSA_IO_PENDING)
          #expect(request.end(pair.near) == (0, 0))
        }
      }
    }

    @Test("C77: a full queue refuses, and takes requests again when some have ended")
    func fullQueue() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        _ = try pair.near.register(memory.base, 4096).get()
        _ = try pair.far.register(memory.base + 4096, 4096).get()
        var requests: [TestRequest] = []
        while requests.count < 2000 {
          let request = TestRequest()
          let status = request.receive(pair.near, memory.base, 16)
          if status != WSA_IO_PENDING {
            #expect(status == WSAENOBUFS)
            #expect(request.overlapped.pointee.Internal != ULONG_PTR(WSS_OPERATION_IN_PROGRESS))
            break
          }
          requests.append(request)
        }
        #expect((16..<2000).contains(requests.count))
        let sending = TestRequest()
        #expect(sending.send(pair.far, memory.base + 4096, 16) == WSA_IO_PENDING)
        #expect(requests[0].end(pair.near) == (0, 16))
        #expect(sending.end(pair.far).error == 0)
        let next = TestRequest()
        #expect(next.receive(pair.near, memory.base, 16) == WSA_IO_PENDING)
        pair.close()
        for request in requests.dropFirst() + [next] {
          #expect(request.overlapped.pointee.OffsetHigh == DWORD(WSA_OPERATION_ABORTED))
        }
      }
    }

    @Test("A message that is longer than the receive says so")
    func longMessage() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        _ = try pair.near.register(memory.base, 4096).get()
        _ = try pair.far.register(memory.base + 4096, 4096).get()
        let receiving = TestRequest()
        let sending = TestRequest()
        #expect(receiving.receive(pair.near, memory.base, 16) == WSA_IO_PENDING)
        #expect(sending.send(pair.far, memory.base + 4096, 17) == WSA_IO_PENDING)
        #expect(receiving.end(pair.near).error == WSAEMSGSIZE)
      }
    }
  }
}
