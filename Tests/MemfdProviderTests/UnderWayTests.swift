import CWinsockDirect
import Glibc
import Testing
import VirtualMemory

@testable import MemfdNIC
@testable import MemfdProvider

extension ProviderTests {
  /// What may not be taken away while the peer uses it, and the largest transfer.
  struct UnderWayTests {
    @Test("C45: memory that the peer is writing to stays registered until it has")
    func writing() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let (source, target) = (TestMemory(pages: 16_384), TestMemory(pages: 16_384))
        memset(source.base, 1, source.length)
        let handle = try pair.near.register(source.base, source.length).get()
        let buffer = WSABUFEX(source.base, source.length, handle)
        var refusals = 0
        // Where the machine lets the write end before we look, nothing is seen: once more.
        for _ in 0..<100 where refusals == 0 {
          target.clear()
          let remote = try pair.far.expose(target.base, target.length, MEM_WRITE).get()
          let request = TestRequest()
          #expect(request.write(pair.near, [buffer], to: remote) == WSA_IO_PENDING)
          while target[0] == 0 {}
          let answer = pair.far.conceal(remote)
          #expect(answer == 0 || answer == WSAEINVAL)
          if answer == 0 {
            // The write was over.
            #expect(target[target.length - 1] == 1)
            continue
          }
          refusals += 1
          #expect(request.end(pair.near, seconds: 20) == (0, DWORD(target.length)))
          #expect(target[target.length - 1] == 1)
          #expect(pair.far.conceal(remote) == 0)
        }
        #expect(refusals == 1)
      }
    }

    @Test("C54: a callback that cannot take memory away from a peer says so, and nobody gets it")
    func cannotUnregister() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        let segment = try MemfdSegment(byteCount: 8192)
        let remote = try pair.far.expose(segment.baseAddress, 8192, MEM_WRITE).get()
        // A peer that has entered and does not leave, as one that is stopped in a copy.
        let gate = try Self.gate(of: remote, pair.far)
        #expect(gate.words.gate(gate.slot).enter(generation: gate.nonce))
        let answer = failure { provider.cacheCallback(segment.baseAddress, 8192, $0) }
        #expect(answer == WSAEFAULT)
        // Nobody can enter it any more; the next registration there is another one.
        let source = TestMemory(pages: 1)
        let handle = try pair.near.register(source.base, 4096).get()
        let request = TestRequest()
        let buffer = WSABUFEX(source.base, 4096, handle)
        #expect(request.write(pair.near, [buffer], to: remote) == WSA_IO_PENDING)
        #expect(request.end(pair.near).error == WSAECONNABORTED)
        gate.words.gate(gate.slot).leave()
        #expect(failure { provider.cacheCallback(segment.baseAddress, 8192, $0) } != WSAEFAULT)
      }
    }

    /// The gate of an exposure, as the peer has it.
    private static func gate(
      of remote: [UInt8], _ socket: TestSocket
    ) throws -> (words: PeerTable, slot: UInt32, nonce: UInt32) {
      let descriptor = remote.withUnsafeBytes { $0.loadUnaligned(as: RemoteDescriptor.self) }
      let found = try Provider.started().sockets.socket(socket.descriptor)
      let queuePair = try #require(found.connection.withLock { $0.queuePair })
      let table = try PeerTable(dup(queuePair.exposures.accessDescriptor))
      return (table, descriptor.slot, descriptor.nonce)
    }

    private final class PeerTable {
      private let access: AccessTable
      init(_ number: Int32) throws { access = try AccessTable(Descriptor(number)) }
      func gate(_ slot: UInt32) -> Gate { access.gate(slot) }
    }

    /// Memory that is not in use, in bytes.
    private static var availableBytes: Int { sysconf(Int32(_SC_AVPHYS_PAGES)) * 4096 }

    private static let largest = 1 << 30

    @Test(
      "C75: a transfer of SO_MAX_RDMA_SIZE bytes works; a larger one is refused",
      .enabled("3 GiB of free memory, and the right to lock 1 GiB") {
        var limit = rlimit()
        getrlimit(Int32(__RLIMIT_MEMLOCK.rawValue), &limit)
        return availableBytes > 3 << 30 && (limit.rlim_cur > 3 << 29 || geteuid() == 0)
      })
    func largestTransfer() throws {
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        var largest: INT = 0
        var size: INT = 4
        let asked = failure {
          provider.functions.lpWSPGetSockOpt(
            pair.near.descriptor, WSA_SOL_SOCKET, SO_MAX_RDMA_SIZE, &largest, &size, $0)
        }
        #expect(asked == 0)
        #expect(Int(largest) == Self.largest)
        // The same 64 MiB sixteen times over.
        let source = TestMemory(pages: 16_384)
        memset(source.base, 5, source.length)
        let handle = try pair.near.register(source.base, source.length).get()
        var buffers = Array(
          repeating: WSABUFEX(source.base, source.length, handle),
          count: Self.largest / source.length)
        let target = TestMemory(pages: Self.largest / 4096)
        let remote = try pair.far.expose(target.base, target.length, MEM_WRITE).get()
        let request = TestRequest()
        #expect(request.write(pair.near, buffers, to: remote) == WSA_IO_PENDING)
        #expect(request.end(pair.near, seconds: 60) == (0, DWORD(Self.largest)))
        let pages = stride(from: 0, to: target.length, by: 4096)
        #expect(pages.allSatisfy { target[$0] == 5 } && target[target.length - 1] == 5)
        let wider = TestMemory(pages: 16_385)
        let widerHandle = try pair.near.register(wider.base, wider.length).get()
        buffers[0] = WSABUFEX(wider.base, wider.length, widerHandle)
        #expect(TestRequest().write(pair.near, buffers, to: remote) == WSAEMSGSIZE)
      }
    }
  }
}
