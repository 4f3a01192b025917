import CWinsockDirect
import Glibc
import Testing
import VirtualMemory

extension ProviderTests {
  /// The same with memory that needs no pin: memfd segments, which adapters and peers map.
  struct SegmentTests {
    @Test(
      "C66, C67: writes and reads between segments, and between a segment and other memory",
      arguments: [(true, true), (true, false), (false, true)])
    func transfers(localIsSegment: Bool, remoteIsSegment: Bool) throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let length = 300_000
        let localSegment = try MemfdSegment(byteCount: 307_200)
        let remoteSegment = try MemfdSegment(byteCount: 307_200)
        let memories = (TestMemory(pages: 75), TestMemory(pages: 75))
        let local = localIsSegment ? localSegment.baseAddress : memories.0.base
        let remote = remoteIsSegment ? remoteSegment.baseAddress : memories.1.base
        let handle = try pair.near.register(local, length).get()
        let descriptor = try pair.far.expose(remote, length, MEM_READWRITE).get()
        let request = TestRequest()
        for index in 0..<length {
          local.storeBytes(of: TestMemory.byte(index, 1), toByteOffset: index, as: UInt8.self)
        }
        #expect(
          request.write(pair.near, [WSABUFEX(local + 100, 200_000, handle)], to: descriptor)
            == WSA_IO_PENDING)
        #expect(request.end(pair.near) == (0, 200_000))
        #expect(memcmp(local + 100, remote, 200_000) == 0)
        #expect(
          request.read(
            pair.near, [WSABUFEX(local + 50_000, 200_000, handle)], from: descriptor, offset: 7)
            == WSA_IO_PENDING)
        #expect(request.end(pair.near) == (0, 200_000))
        #expect(memcmp(local + 50_000, remote + 7, 200_000) == 0)
        #expect(pair.near.deregister(handle) == 0)
        #expect(pair.far.conceal(descriptor) == 0)
      }
    }

    @Test("C46, C68: a concealed segment cannot be reached, nor more of it than was exposed")
    func protection() throws {
      try StartedProvider.run { provider in
        let segment = try MemfdSegment(byteCount: 16384)
        let source = TestMemory(pages: 1)
        source.fill(1)
        for conceals in [true, false] {
          let pair = try ConnectedPair(provider)
          let handle = try pair.near.register(source.base, source.length).get()
          let descriptor = try pair.far.expose(segment.baseAddress, 4096, MEM_WRITE).get()
          let request = TestRequest()
          let buffer = WSABUFEX(source.base, source.length, handle)
          #expect(request.write(pair.near, [buffer], to: descriptor) == WSA_IO_PENDING)
          #expect(request.end(pair.near).error == 0)
          if conceals { #expect(pair.far.conceal(descriptor) == 0) }
          memset(segment.baseAddress, 0, 16384)
          let status = request.write(
            pair.near, [buffer], to: descriptor, offset: conceals ? 0 : 1)
          if status == WSA_IO_PENDING {
            #expect(request.end(pair.near).error == WSAECONNABORTED)
          } else {
            #expect(status == WSAEINVAL)
          }
          let bytes = UnsafeRawBufferPointer(start: segment.baseAddress, count: 16384)
          #expect(bytes.allSatisfy { $0 == 0 })
          pair.close()
        }
      }
    }
  }
}
