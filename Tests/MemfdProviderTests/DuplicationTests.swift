import CWinsockDirect
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ProviderTests {
  /// WSPDuplicateSocket within this process, and with another one (C82-C87).
  struct DuplicationTests {
    /// A pair whose ends have a page of registered memory each.
    private struct Ends {
      let pair: ConnectedPair
      let near = TestMemory(pages: 1)
      let far = TestMemory(pages: 1)

      init(_ provider: StartedProvider) throws {
        pair = try ConnectedPair(provider)
        _ = try pair.near.register(near.base, 4096).get()
        _ = try pair.far.register(far.base, 4096).get()
      }
    }

    @Test("C82: pending receives end with success and 0 bytes; the descriptor stays taken (C86)")
    func receivesEnd() throws {
      try StartedProvider.run { provider in
        let ends = try Ends(provider)
        let polled = TestRequest()
        let notified = TestRequest(polled: false)
        for request in [polled, notified] {
          #expect(request.receive(ends.pair.near, ends.near.base, 64) == WSA_IO_PENDING)
        }
        let token = try ends.pair.near.duplicate(to: getpid()).get()
        #expect(token != 0)
        #expect(polled.end(ends.pair.near) == (0, 0))
        #expect(notified.end(ends.pair.near) == (0, 0))
        #expect(TestSwitch.shared.completions(of: notified.overlapped).count == 1)
        let other = try TestSocket(provider)
        #expect(other.descriptor != ends.pair.near.descriptor)
        #expect(TestRequest().send(ends.pair.near, ends.near.base, 4) == WSAENOTCONN)
        let handle = ends.pair.near.handle
        #expect(ends.pair.near.close() == 0)
        #expect(TestSwitch.shared.waitUntilClosed(handle))
      }
    }

    @Test("C83, C85: the socket goes on; what came meanwhile, and the peer's receives, are kept")
    func goesOn() throws {
      try StartedProvider.run { provider in
        let ends = try Ends(provider)
        let theirs = TestRequest()
        #expect(theirs.receive(ends.pair.far, ends.far.base, 64) == WSA_IO_PENDING)
        // Arrives before anybody has posted a receive, and must not get lost.
        for text in ["early", "earlier"] {
          let sending = TestRequest()
          ends.far.write(text, at: 1024)
          #expect(
            sending.send(ends.pair.far, ends.far.base + 1024, text.utf8.count) == WSA_IO_PENDING)
          #expect(sending.end(ends.pair.far).error == 0)
        }
        let token = try ends.pair.near.duplicate(to: getpid()).get()
        let made = TestSwitch.shared.handleCount
        let moved = try TestSocket.takeOver(token, provider).get()
        #expect(TestSwitch.shared.handleCount == made + 1)
        #expect(moved.descriptor != ends.pair.near.descriptor)
        #expect(ends.pair.near.close() == 0)
        #expect(moved.register(ends.near.base, 4096).number == 0)
        for text in ["early", "earlier"] {
          let receiving = TestRequest()
          #expect(receiving.receive(moved, ends.near.base, 64) == WSA_IO_PENDING)
          #expect(receiving.end(moved) == (0, DWORD(text.utf8.count)))
          #expect(ends.near.text(at: 0, count: text.utf8.count) == text)
        }
        ends.near.write("late", at: 2048)
        let sending = TestRequest()
        #expect(sending.send(moved, ends.near.base + 2048, 4) == WSA_IO_PENDING)
        #expect(sending.end(moved).error == 0)
        #expect(theirs.end(ends.pair.far) == (0, 4))
        #expect(ends.far.text(at: 0, count: 4) == "late")
        try expectRDMA(from: moved, ends.near, to: ends.pair.far, ends.far)
        try expectRDMA(from: ends.pair.far, ends.far, to: moved, ends.near)
        let last = TestRequest()
        #expect(last.receive(ends.pair.far, ends.far.base, 4) == WSA_IO_PENDING)
        moved.close()
        #expect(last.end(ends.pair.far).error == WSAECONNRESET)
      }
    }

    /// Writes and reads the peer's memory with a new descriptor.
    private func expectRDMA(
      from near: TestSocket, _ memory: TestMemory, to far: TestSocket, _ target: TestMemory
    ) throws {
      let handle = try near.register(memory.base, 4096).get()
      let remote = try far.expose(target.base, 4096, MEM_READWRITE).get()
      memory.fill(7)
      target.clear()
      let writing = TestRequest()
      #expect(
        writing.write(near, [WSABUFEX(memory.base, 4096, handle)], to: remote) == WSA_IO_PENDING)
      #expect(writing.end(near) == (0, 4096))
      #expect(target.holds(7))
      memory.clear()
      let reading = TestRequest()
      #expect(
        reading.read(near, [WSABUFEX(memory.base, 4096, handle)], from: remote) == WSA_IO_PENDING)
      #expect(reading.end(near) == (0, 4096))
      #expect(memory.holds(7))
      #expect(far.conceal(remote) == 0)
      #expect(near.deregister(handle) == 0)
    }

    @Test("C84: a value names one socket, once, and in one process")
    func once() throws {
      try StartedProvider.run { provider in
        let ends = try Ends(provider)
        let token = try ends.pair.near.duplicate(to: getpid()).get()
        #expect(TestSocket.takeOver(token ^ 1, provider).number == WSAEINVAL)
        let moved = try TestSocket.takeOver(token, provider).get()
        #expect(TestSocket.takeOver(token, provider).number == WSAEINVAL)
        // For somebody else: it stays where it is, and can be fetched by nobody here.
        let forParent = try moved.duplicate(to: getppid()).get()
        #expect(TestSocket.takeOver(forParent, provider).number == WSAEINVAL)
      }
    }

    @Test("Refused, and nothing changed: bad arguments, and while something is under way")
    func refused() throws {
      try StartedProvider.run { provider in
        let ends = try Ends(provider)
        let near = ends.pair.near
        #expect(try TestSocket(provider).duplicate(to: getpid()).number == WSAEINVAL)
        #expect(near.duplicate(to: 0).number == WSAEINVAL)
        #expect(near.duplicate(to: -1).number == WSAEINVAL)
        #expect(near.duplicate(to: .max).number == WSAEINVAL)
        #expect(
          failure { provider.functions.lpWSPDuplicateSocket(near.descriptor, 1, nil, $0) }
            == WSAEFAULT)
        let remote = try near.expose(ends.near.base, 64, MEM_READ).get()
        #expect(near.duplicate(to: getpid()).number == WSAEINVAL)
        #expect(near.conceal(remote) == 0)
        let receiving = TestRequest()
        #expect(receiving.receive(ends.pair.far, ends.far.base, 4) == WSA_IO_PENDING)
        let sending = TestRequest()
        #expect(sending.send(near, ends.near.base, 4) == WSA_IO_PENDING)
        #expect(receiving.end(ends.pair.far) == (0, 4))
        #expect(sending.end(near) == (0, 4))
        #expect(near.duplicate(to: getpid()).number == 0)
      }
    }

    @Test("A connection that its process never fetches ends with that process: the peer is reset")
    func notFetched() async throws {
      let channel = try FileChannel()
      let path = channel.path
      async let child: Void = {
        await #expect(processExitsWith: .success) { [path = path as String] in
          let channel = try FileChannel(path, isFirst: false)
          try channel.send(UInt32(getpid()))
          _ = try channel.receive()
        }
      }()
      try StartedProvider.run { provider in
        let ends = try Ends(provider)
        let request = TestRequest()
        #expect(request.receive(ends.pair.far, ends.far.base, 4) == WSA_IO_PENDING)
        let process = Int32(try channel.receive())
        _ = try ends.pair.near.duplicate(to: process).get()
        #expect(ends.pair.near.close() == 0)
        #expect(request.poll(ends.pair.far).error == WSA_IO_INCOMPLETE)
        try channel.send(0)
        #expect(request.end(ends.pair.far).error == WSAECONNRESET)
      }
      await child
    }

    /// What the other process does: says which it is, takes over what it is told, answers through
    /// it, and hands it back if it is told to whom.
    private static func other(_ path: String, _ handsBack: Bool) throws {
      try StartedProvider.run { provider in
        let channel = try FileChannel(path, isFirst: false)
        try channel.send(UInt32(getpid()))
        let token = try channel.receive()
        let moved = try TestSocket.takeOver(token, provider).get()
        let memory = TestMemory(pages: 1)
        _ = try moved.register(memory.base, 4096).get()
        memory.write("from the other", at: 0)
        let sending = TestRequest()
        try #require(sending.send(moved, memory.base, 14) == WSA_IO_PENDING)
        try #require(sending.end(moved).error == 0)
        if handsBack {
          try channel.send(moved.duplicate(to: getppid()).get())
          _ = try channel.receive()
        } else {
          // It dies with a receive pending, and the connection with it.
          try #require(TestRequest().receive(moved, memory.base, 16) == WSA_IO_PENDING)
          kill(getpid(), SIGKILL)
        }
      }
    }

    /// Waits until a process has ended, at most twenty seconds.
    private static func waitForEnd(of process: UInt32) -> Bool {
      let end = ContinuousClock.now + .seconds(20)
      while ContinuousClock.now < end {
        guard let file = fopen("/proc/\(process)/stat", "r") else { return true }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { return true }
        let text = String(decoding: line.map(UInt8.init(bitPattern:)), as: UTF8.self)
        if text.contains(") Z ") { return true }
        sched_yield()
      }
      return false
    }

    /// Runs `body` with a channel to another process that does `other`.
    private func withOther(
      handsBack: Bool, _ body: (FileChannel) throws -> Void
    ) async throws {
      let channel = try FileChannel()
      let path = channel.path
      async let child: Void = {
        await #expect(processExitsWith: handsBack ? .success : .signal(SIGKILL)) {
          [path = path as String, handsBack = handsBack as Bool] in
          try Self.other(path, handsBack)
        }
      }()
      try body(channel)
      await child
    }

    @Test("C83, C85: to another process and back; the peer sees no error")
    func toAnotherProcessAndBack() async throws {
      try await withOther(handsBack: true) { channel in
        try StartedProvider.run { provider in
          let ends = try Ends(provider)
          let theirs = TestRequest()
          #expect(theirs.receive(ends.pair.far, ends.far.base, 64) == WSA_IO_PENDING)
          let child = try channel.receive()
          try channel.send(try ends.pair.near.duplicate(to: Int32(child)).get())
          #expect(theirs.end(ends.pair.far) == (0, 14))
          #expect(ends.far.text(at: 0, count: 14) == "from the other")
          #expect(ends.pair.near.close() == 0)
          let token = try channel.receive()
          // The peer's record says who has the other end, and the next receive is pending.
          let record = try Publication.current().socket(
            Int(ends.pair.far.descriptor & 0xFFFF_FFFF) - 1)
          #expect(record.peerPID.load() == child)
          let next = TestRequest()
          #expect(next.receive(ends.pair.far, ends.far.base, 64) == WSA_IO_PENDING)
          let back = try TestSocket.takeOver(token, provider).get()
          // The end of the process that had it in between is not the end of the connection.
          try channel.send(0)
          try #require(Self.waitForEnd(of: child))
          _ = try back.register(ends.near.base, 4096).get()
          let sending = TestRequest()
          #expect(sending.send(back, ends.near.base, 5) == WSA_IO_PENDING)
          #expect(next.end(ends.pair.far) == (0, 5))
        }
      }
    }

    @Test("C87: when the process that has the socket dies, the peer's receives fail")
    func deathOfTheOther() async throws {
      try await withOther(handsBack: false) { channel in
        try StartedProvider.run { provider in
          let ends = try Ends(provider)
          let requests = [TestRequest(), TestRequest()]
          for request in requests {
            #expect(request.receive(ends.pair.far, ends.far.base, 64) == WSA_IO_PENDING)
          }
          let child = try channel.receive()
          try channel.send(try ends.pair.near.duplicate(to: Int32(child)).get())
          #expect(requests[0].end(ends.pair.far) == (0, 14))
          // The first process still has its socket, which does not keep the connection alive.
          #expect(requests[1].end(ends.pair.far).error == WSAECONNRESET)
        }
      }
    }
  }
}
