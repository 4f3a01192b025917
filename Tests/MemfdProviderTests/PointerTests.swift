import CWinsockDirect
import Glibc
import Testing

extension ProviderTests {
  struct PointerTests {
    /// The good call is the counter-test: it shows that nothing but the pointer was wrong, and that
    /// the wrong calls have used nothing up.
    @Test(
      "A pointer to what cannot be used is refused, and changes nothing",
      arguments: CallerPointer.allCases)
    func wrongPointer(_ pointer: CallerPointer) throws {
      try StartedProvider.run { provider in
        let world = try PointerWorld(provider)
        let memory = BadMemory(byteCount: pointer.byteCount) { world.fill(pointer, $0) }
        defer { world.close() }
        for place in BadPlace.allCases {
          if place == .null && pointer.mayBeNull { continue }
          if place == .readOnly && !pointer.isOutput { continue }
          let error = world.call(pointer, memory[place])
          #expect(error == pointer.failure(place), "\(place)")
          let (isUntouched, hasEvent) = (world.othersAreUntouched, world.hasEvent)
          #expect(isUntouched && hasEvent, "\(place)")
          let status = world.request.overlapped.pointee.Internal
          #expect(status != ULONG_PTR(WSS_OPERATION_IN_PROGRESS), "\(place)")
          world.resetOthers()
        }
        let error = world.call(pointer, memory.good)
        #expect(error == pointer.success)
        world.pair.close()
      }
    }

    @Test("A structure that is not aligned is no structure")
    func unaligned() throws {
      try StartedProvider.run { provider in
        let world = try PointerWorld(provider)
        defer { world.close() }
        let memory = BadMemory(byteCount: 32) { world.fill(.sendOverlapped, $0) }
        let structure = memory.good + 4
        #expect(world.call(.sendOverlapped, structure) == WSAEFAULT)
        var byteCount: DWORD = 0
        var flags: DWORD = 0
        var error: INT = 0
        #expect(
          provider.functions.lpWSPGetOverlappedResult(
            world.pair.near.descriptor, structure.assumingMemoryBound(to: WSAOVERLAPPED.self),
            &byteCount, 0, &flags, &error) == 0)
        #expect(error == WSAEFAULT)
      }
    }

    @Test("An array that is not there is not looked at where it has no elements")
    func noElements() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        defer { pair.close() }
        let nowhere = UnsafeMutablePointer<WSABUF>(bitPattern: 4096)
        let request = TestRequest()
        #expect(
          failure {
            provider.functions.lpWSPSend(
              pair.near.descriptor, nowhere, 0, nil, 0, request.overlapped, nil, nil, $0)
          } == WSA_IO_PENDING)
        pair.close()
      }
    }
  }
}
