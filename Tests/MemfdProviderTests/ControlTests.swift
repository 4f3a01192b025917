import Glibc
import Inspection
import Testing
import VirtualMemory

extension ProviderTests {
  /// What the control file system asks of a process, asked as it does.
  struct ControlTests {
    private func ask(_ request: ControlRequest) throws -> ControlReply {
      try PublishedProcess(pid: getpid()).send(request)
    }

    private func number(_ reply: ControlReply) -> Int32 {
      if case .failed(let number, _) = reply { number } else { 0 }
    }

    @Test("flush releases what is cached and leaves what is in use")
    func flush() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let cached = TestMemory(pages: 4)
        let used = TestMemory(pages: 1)
        #expect(pair.near.deregister(try pair.near.register(cached.base, cached.length).get()) == 0)
        let handle = try pair.near.register(used.base, used.length).get()
        #expect(try ask(.flush(provider: "memfd")) == .ok)
        #expect(try ProviderTests.record().pinnedBytes.load() == UInt64(used.length))
        #expect(pair.near.deregister(handle) == 0)
      }
    }

    @Test("invalidate takes what is in use as well, and says where nothing is")
    func invalidate() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 4)
        let start = UInt(bitPattern: memory.base)
        let range = AddressRange(start: start, end: start + 1)
        let handle = try pair.near.register(memory.base, memory.length).get()
        #expect(try ask(.invalidate(provider: "memfd", range: range)) == .ok)
        #expect(try ProviderTests.record().pinnedBytes.load() == 0)
        #expect(number(try ask(.invalidate(provider: "memfd", range: range))) == ENOENT)
        #expect(pair.near.deregister(handle) == 0)
      }
    }

    @Test("limits are set, published and kept to")
    func limits() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 4)
        #expect(pair.near.deregister(try pair.near.register(memory.base, memory.length).get()) == 0)
        #expect(try ask(.setMaximumRegions(provider: "memfd", 7)) == .ok)
        #expect(try ProviderTests.record().maximumRegions.load() == 7)
        #expect(try ProviderTests.record().pinnedBytes.load() == UInt64(memory.length))
        #expect(try ask(.setMaximumBytes(provider: "memfd", 4096)) == .ok)
        #expect(try ProviderTests.record().pinnedBytes.load() == 0)
      }
    }

    @Test("another provider, and none, are no device")
    func unknown() throws {
      try StartedProvider.run { _ in
        let reply = try ask(.flush(provider: "other"))
        #expect(number(reply) == ENODEV)
      }
      let reply = try ask(.flush(provider: "memfd"))
      #expect(number(reply) == ENODEV)
    }
  }
}
