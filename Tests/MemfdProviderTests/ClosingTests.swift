import CWinsockDirect
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ProviderTests {
  struct ClosingTests {
    @Test("C79, C80: what is pending is aborted, then one close; the peer is reset")
    func abort() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        _ = try pair.near.register(memory.base, 4096).get()
        _ = try pair.far.register(memory.base + 4096, 4096).get()
        let handle = pair.near.handle
        let notified = (0..<5).map { _ in TestRequest(polled: false) }
        let polled = TestRequest()
        let theirs = TestRequest()
        for request in notified + [polled] {
          #expect(request.receive(pair.near, memory.base, 16) == WSA_IO_PENDING)
        }
        #expect(theirs.receive(pair.far, memory.base + 4096, 16) == WSA_IO_PENDING)
        #expect(pair.near.close() == 0)
        #expect(polled.overlapped.pointee.OffsetHigh == DWORD(WSA_OPERATION_ABORTED))
        #expect(polled.overlapped.pointee.InternalHigh == 0)
        #expect(TestSwitch.shared.waitUntilClosed(handle))
        for request in notified {
          let completions = TestSwitch.shared.completions(of: request.overlapped)
          #expect(completions.map(\.error) == [WSA_OPERATION_ABORTED])
          #expect(completions.map(\.byteCount) == [0])
        }
        #expect(theirs.end(pair.far).error == WSAECONNRESET)
        #expect(TestRequest().send(pair.far, memory.base + 4096, 16) == WSAECONNRESET)
        #expect(pair.far.close() == 0)
        let calls = TestSwitch.shared.calls(for: handle)
        #expect(calls.count == 6 && calls.last == "close \(handle)")
        #expect(TestSwitch.shared.closeCount(of: handle) == 1)
      }
    }

    @Test("C81, C88: what a socket had registered is gone when it is closed")
    func leftovers() throws {
      try StartedProvider.run { provider in
        let publication = try Publication.current()
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 4)
        for index in 0..<8 {
          _ = try pair.near.register(memory.base + index * 100, 4096).get()
          _ = try pair.near.expose(memory.base + index * 100, 4096, MEM_READ).get()
        }
        func live() -> Int {
          (0..<64).filter { publication.registration($0).word.load() & 0xFFFF_FFFF != 0 }.count
        }
        #expect(live() == 16)
        pair.close()
        #expect(live() == 0)
        let sockets = (0..<Layout.maximumSockets).map { publication.socket($0) }
        #expect(sockets.allSatisfy { $0.registrations.load() == 0 })
      }
    }

    @Test("The published record of a socket says where it is in its life")
    func published() throws {
      try StartedProvider.run { provider in
        let publication = try Publication.current()
        let pair = try ConnectedPair(provider, adapter: 1)
        let index = Int(pair.near.descriptor & 0xFFFF_FFFF) - 1
        let record = publication.socket(index)
        #expect(record.state.load() == SocketState.connected.rawValue)
        #expect(record.nic.load() == 1)
        #expect(record.remoteAddress.load() == 0x0A63_0101)
        let memory = TestMemory(pages: 1)
        _ = try pair.near.register(memory.base, 4096).get()
        let request = TestRequest()
        #expect(request.receive(pair.near, memory.base, 16) == WSA_IO_PENDING)
        #expect(record.pendingReceives.load() == 1)
        #expect(record.registrations.load() == 1)
        let handle = pair.near.handle
        pair.near.close()
        #expect(record.pendingReceives.load() == 0)
        #expect(TestSwitch.shared.waitUntilClosed(handle))
      }
    }

    @Test("A handle belongs to its socket, also when another socket has its entry")
    func staleHandle() throws {
      try StartedProvider.run { provider in
        let memory = TestMemory(pages: 1)
        let pair = try ConnectedPair(provider)
        let handle = try pair.near.register(memory.base, 100).get()
        let switchHandle = pair.near.handle
        pair.close()
        #expect(TestSwitch.shared.waitUntilClosed(switchHandle))
        let next = try ConnectedPair(provider)
        #expect(next.near.deregister(handle) == WSAEINVAL)
        _ = try next.near.register(memory.base, 100).get()
        #expect(next.near.deregister(handle) == WSAEINVAL)
      }
    }
  }
}
