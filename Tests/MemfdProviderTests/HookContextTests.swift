import CAllocationCounter
import CWinsockDirect
import Glibc
import Testing
import VirtualMemory

extension ProviderTests {
  struct HookContextTests {
    @Test("C58: the callback allocates nothing, neither when it finds something nor when not")
    func allocations() throws {
      try StartedProvider.run { provider in
        let pairs = [try ConnectedPair(provider), try ConnectedPair(provider, adapter: 1)]
        let memory = TestMemory(pages: 16)
        let used = TestMemory(pages: 2)
        for pair in pairs {
          #expect(pair.near.deregister(try pair.near.register(memory.base, 65536).get()) == 0)
          _ = try pair.near.register(used.base, used.length).get()
          _ = try pair.near.expose(used.base, used.length, MEM_READWRITE).get()
        }
        var errors: [INT] = [-1, -1, -1]
        let callback = provider.cacheCallback
        CAllocationCounter_begin()
        let first = callback(memory.base, 4096, &errors[0])
        let second = callback(memory.base, 65536, &errors[1])
        let third = callback(used.base, 1, &errors[2])
        let count = CAllocationCounter_end()
        #expect(count == 0)
        #expect([first, second, third] == [0, SOCKET_ERROR, 0])
        #expect(errors == [0, WSAEINVAL, 0])
      }
    }

    @Test("C61: callbacks, registrations and transfers at once, from many threads")
    func concurrency() throws {
      try StartedProvider.run { provider in
        let memory = TestMemory(pages: 8)
        let end = ContinuousClock.now + .seconds(1)
        let workers = (0..<4).map { index in
          TestThread {
            let target = TestMemory(pages: 1)
            var outcome: INT = 0
            while outcome == 0, ContinuousClock.now < end {
              guard let pair = try? ConnectedPair(provider, adapter: index % 2) else { return -3 }
              repeat {
                outcome = Self.transfer(pair, memory, to: target)
              } while outcome == 0 && ContinuousClock.now < end
              pair.close()
              // A registration that goes while a request for it is queued ends the connection.
              if outcome == WSAEFAULT || outcome == WSAECONNABORTED { outcome = 0 }
            }
            return outcome
          }
        }
        var hits = 0
        while ContinuousClock.now < end {
          var error: INT = 0
          if provider.cacheCallback(memory.base, memory.length, &error) == 0 { hits += 1 }
          sched_yield()
        }
        for worker in workers { #expect(worker.join() == 0) }
        #expect(hits > 0)
      }
    }

    /// Registers, writes and deregisters; answers 0, or what went wrong.
    private static func transfer(
      _ pair: ConnectedPair, _ memory: TestMemory, to target: TestMemory
    ) -> INT {
      let registered = pair.near.register(memory.base, memory.length, MEM_READ)
      // The mapping was called changed all the time that it was being registered: once more.
      if registered.number == WSAENOBUFS { return 0 }
      guard case .success(let handle) = registered else { return registered.number }
      let exposed = pair.far.expose(target.base, target.length, MEM_WRITE)
      guard case .success(let descriptor) = exposed else { return exposed.number }
      let request = TestRequest()
      let buffer = WSABUFEX(memory.base, target.length, handle)
      let status = request.write(pair.near, [buffer], to: descriptor)
      // The mapping was called changed after the registration: the handle is of no use any more.
      if status != WSA_IO_PENDING && status != WSAEFAULT { return status }
      if status == WSA_IO_PENDING {
        let error = request.end(pair.near).error
        if error != 0 { return error }
      }
      return pair.near.deregister(handle) + pair.far.conceal(descriptor)
    }
  }
}

/// A thread of its own: the provider is called from any.
final class TestThread: @unchecked Sendable {
  private let body: () -> INT
  private var thread = pthread_t()
  private var result: INT = 0

  init(_ body: @escaping () -> INT) {
    self.body = body
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let thread = Unmanaged<TestThread>.fromOpaque(context).takeUnretainedValue()
        thread.result = thread.body()
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  func join() -> INT {
    pthread_join(thread, nil)
    return result
  }
}
