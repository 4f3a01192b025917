import CAllocationCounter
import Glibc
import SocketsSwitch
import TestSupport
import Testing

@testable import StreamSockets

extension StreamTests {
  /// Goal: between processes, through the C interface: whatever a program does with its memory
  /// between sends, what arrives is what it sent; and the death of a peer is told.
  @Suite(
    .disabled(if: !CAllocationCounter_available, "the library's sanitizer is not in a C program"))
  struct ProcessTests {
    /// What a receiver got from a sender.
    private struct Outcome: Equatable {
      let received: Int
      let wrong: Int
      let transport: Int
    }

    private func send(
      _ mode: String, _ total: Int, buffer: Int, byWrite: Bool = false,
      address: String = "\(TestNetwork.address)", environment: [String] = []
    ) throws -> Outcome {
      let receiver = try PeerProcess(
        ["receive", address] + (byWrite ? ["write"] : []), environment: environment)
      let port = try receiver.port()
      let sender = try PeerProcess(
        [mode, address, "\(port)", "\(total)", "\(buffer)"], environment: environment)
      #expect(sender.words() == ["sent", "\(total)"])
      let words = receiver.words()
      #expect(sender.end() == 0 && receiver.end() == 0)
      guard words.count == 6, let received = Int(words[1]), let wrong = Int(words[3]),
        let transport = Int(words[5])
      else { throw PeerProcessError.said(words) }
      return Outcome(received: received, wrong: wrong, transport: transport)
    }

    private static let provider = 2
    private static let tcp = 1

    /// 1 GiB from blocks of malloc, freed and allocated again as it goes.
    @Test(arguments: [false, true])
    func aGibibyteFromMalloc(byWrite: Bool) throws {
      let total = 1 << 30
      let outcome = try send("send", total, buffer: 4_000_000, byWrite: byWrite)
      #expect(outcome == Outcome(received: total, wrong: 0, transport: Self.provider))
    }

    /// The same address has other memory at each send.
    @Test(arguments: [false, true])
    func newMemoryAtTheSameAddress(byWrite: Bool) throws {
      let total = 64 << 20
      let outcome = try send("resend", total, buffer: 1_000_000, byWrite: byWrite)
      #expect(outcome == Outcome(received: total, wrong: 0, transport: Self.provider))
    }

    /// Counter-test: without callbacks the old memory is sent, and this test sees it.
    @Test(arguments: [false, true])
    func withoutCallbacksOldMemoryArrives(byWrite: Bool) throws {
      let total = 16 << 20
      let outcome = try send(
        "resend", total, buffer: 1_000_000, byWrite: byWrite,
        environment: ["PINDOWN_MONITORS=none", "PINDOWN_DMA=strict"])
      #expect(outcome.received == total && outcome.wrong > total / 2)
    }

    @Test func overTCP() throws {
      let total = 64 << 20
      let outcome = try send("send", total, buffer: 1_000_000, address: "127.0.0.1")
      #expect(outcome == Outcome(received: total, wrong: 0, transport: Self.tcp))
    }

    /// The provider is turned off by the catalogue: the program and its addresses are the same.
    @Test func theCatalogueChooses() throws {
      let folder = try TestCompiler()
      let file = open("\(folder.folder)/off.provider", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
      let text = Array("name = memfd\nenabled = no\n".utf8)
      #expect(write(file, text, text.count) == text.count)
      close(file)
      let total = 4 << 20
      let outcome = try send(
        "send", total, buffer: 1_000_000, environment: ["PINDOWN_PROVIDERS=\(folder.folder)"])
      #expect(outcome == Outcome(received: total, wrong: 0, transport: Self.tcp))
    }

    /// A peer that is killed while this end waits for it.
    @Test(arguments: ["credits", "large", "receive"])
    func thePeerIsKilled(waitingFor: String) throws {
      try TestNetwork.run { network in
        let peer = try PeerProcess(["hold", "\(TestNetwork.address)"])
        let place = SocketAddress(TestNetwork.address, port: try peer.port())
        let socket = try StreamSocket.connect(to: place, through: network)
        #expect(peer.words() == ["accepted"])
        let bytes = [UInt8](repeating: 5, count: 1_000_000)
        let waiting = Meanwhile {
          switch waitingFor {
          case "credits": while true { try socket.send(Array(bytes[..<1_000])) }
          case "large": try socket.send(bytes)
          default: _ = try socket.receive(atMost: 1)
          }
        }
        peer.kill()
        #expect(throws: StreamError.reset) { try waiting.result() }
        #expect(throws: StreamError.reset) { try socket.send([1]) }
        #expect(throws: StreamError.reset) { try socket.receive(atMost: 1) }
        socket.close()
        #expect(network.statistics.pinnedBytes == 0)
      }
    }

    /// A receiver that is killed while it reads out of this process's memory, at some moment.
    @Test func theReceiverIsKilledInTheMiddle() throws {
      try TestNetwork.run { network in
        for round in 0..<5 {
          let peer = try PeerProcess(["receive", "\(TestNetwork.address)"])
          let place = SocketAddress(TestNetwork.address, port: try peer.port())
          let socket = try StreamSocket.connect(to: place, through: network)
          let bytes = [UInt8](repeating: 5, count: 8_000_000)
          #expect(throws: StreamError.reset) {
            for step in 0... {
              if step == 1 + round * 3 { peer.kill() }
              try socket.send(bytes)
            }
          }
          socket.close()
        }
        let statistics = network.statistics
        #expect(statistics.pinnedBytes == 0 && statistics.quarantined == 0)
      }
    }
  }
}
