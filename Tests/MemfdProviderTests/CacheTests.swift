import CWinsockDirect
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ProviderTests {
  struct CacheTests {
    private func call(_ provider: StartedProvider, _ base: UnsafeMutableRawPointer, _ length: Int)
      -> INT
    {
      failure { provider.cacheCallback(base, length, $0) }
    }

    @Test("C51: registered again, a buffer is found in the cache")
    func hit() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 4)
        #expect(pair.near.deregister(try pair.near.register(memory.base, memory.length).get()) == 0)
        let misses = try ProviderTests.record().misses.load()
        let handle = try pair.near.register(memory.base, memory.length).get()
        #expect(try ProviderTests.record().misses.load() == misses)
        #expect(pair.near.deregister(handle) == 0)
      }
    }

    @Test("C52, C53: a cached range that goes is not pinned any more; an unknown one is invalid")
    func callback() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 4)
        #expect(call(provider, memory.base, memory.length) == WSAEINVAL)
        #expect(pair.near.deregister(try pair.near.register(memory.base, memory.length).get()) == 0)
        #expect(try ProviderTests.record().pinnedBytes.load() == UInt64(memory.length))
        #expect(call(provider, memory.base, memory.length) == 0)
        #expect(try ProviderTests.record().pinnedBytes.load() == 0)
        #expect(call(provider, memory.base, memory.length) == WSAEINVAL)
        let misses = try ProviderTests.record().misses.load()
        _ = try pair.near.register(memory.base, memory.length).get()
        #expect(try ProviderTests.record().misses.load() == misses + 1)
      }
    }

    @Test("C55: the callback covers every socket and every adapter")
    func allAdapters() throws {
      try StartedProvider.run { provider in
        let pairs = [
          try ConnectedPair(provider), try ConnectedPair(provider),
          try ConnectedPair(provider, adapter: 1),
        ]
        let memory = TestMemory(pages: 1)
        let handles = try pairs.map { try $0.near.register(memory.base, memory.length).get() }
        #expect(call(provider, memory.base, 1) == 0)
        #expect(try ProviderTests.record().pinnedBytes.load() == 0)
        for (pair, handle) in zip(pairs, handles) {
          // The handle is still the application's, but nothing can be done with it.
          #expect(TestRequest().send(pair.near, memory.base, 100) == WSAEFAULT)
          #expect(pair.near.deregister(handle) == 0)
        }
      }
    }

    @Test("C56: part of the buffer, more than it, and across its edges", arguments: 0..<4)
    func overlap(kind: Int) throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 8)
        let buffer = memory.base + 8192
        #expect(pair.near.deregister(try pair.near.register(buffer, 4 * 4096).get()) == 0)
        let ranges = [(12288, 4096), (0, 8 * 4096), (4096, 8192), (20480, 8192)]
        let (offset, length) = ranges[kind]
        #expect(call(provider, memory.base, 4096) == WSAEINVAL)
        #expect(call(provider, memory.base + offset, length) == 0)
        #expect(try ProviderTests.record().pinnedBytes.load() == 0)
      }
    }

    @Test("C57: new memory at the same address arrives with its new contents")
    func newMapping() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        let target = TestMemory(pages: 2)
        let descriptor = try pair.far.expose(target.base, target.length, MEM_WRITE).get()
        for generation in 1...3 {
          memory.fill(generation)
          let handle = try pair.near.register(memory.base, memory.length, MEM_READ).get()
          let request = TestRequest()
          let buffer = WSABUFEX(memory.base, memory.length, handle)
          #expect(request.write(pair.near, [buffer], to: descriptor) == WSA_IO_PENDING)
          #expect(request.end(pair.near).error == 0)
          #expect(target.holds(generation))
          #expect(pair.near.deregister(handle) == 0)
          #expect(call(provider, memory.base, memory.length) == 0)
          memory.replace()
        }
      }
    }

    @Test("C57, counter-test: without the callback the old contents arrive")
    func staleMapping() throws {
      // Only where the adapter takes local memory by its frames is the difference to be seen.
      setenv("PINDOWN_DMA", "strict", 1)
      defer { unsetenv("PINDOWN_DMA") }
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 2)
        let target = TestMemory(pages: 2)
        let descriptor = try pair.far.expose(target.base, target.length, MEM_WRITE).get()
        memory.fill(1)
        #expect(pair.near.deregister(try pair.near.register(memory.base, 8192).get()) == 0)
        memory.replace()
        memory.fill(2)
        let handle = try pair.near.register(memory.base, memory.length, MEM_READ).get()
        let request = TestRequest()
        let buffer = WSABUFEX(memory.base, memory.length, handle)
        #expect(request.write(pair.near, [buffer], to: descriptor) == WSA_IO_PENDING)
        #expect(request.end(pair.near).error == 0)
        #expect(target.holds(1))
      }
    }

    @Test("C60: what is cached goes with the last connection of its adapter")
    func lastConnection() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let memory = TestMemory(pages: 3)
        #expect(pair.near.deregister(try pair.near.register(memory.base, memory.length).get()) == 0)
        pair.near.close()
        #expect(try ProviderTests.record().pinnedBytes.load() == UInt64(memory.length))
        pair.far.close()
        #expect(try ProviderTests.record().pinnedBytes.load() == 0)
      }
    }
  }
}
