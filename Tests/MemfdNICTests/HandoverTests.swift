import CLinuxMemory
import Glibc
import Testing
import VirtualMemory

@testable import MemfdNIC

/// Handing a connection over; what the provider's tests of WSPDuplicateSocket do not reach.
struct HandoverTests {
  private static let endpoints = ConnectionEndpoints(
    localAddress: IPv4Address("10.99.0.1")!, localPort: 1,
    remoteAddress: IPv4Address("10.99.1.1")!, remotePort: 2)

  @Test func whoBreaksOffChangesNothing() throws {
    let pair = try Pair()
    let offer = try pair.nearEnd.handOver(to: getpid(), endpoints: Self.endpoints)
    for _ in 0..<3 {
      let handover = try ConnectionHandover(offer.token)
      #expect(handover.endpoints == Self.endpoints)
    }
    let recorder = Recorder()
    var wasStarted = 0
    let moved = try pair.near.makeQueuePair(
      continuing: ConnectionHandover(offer.token), handlers: recorder.handlers
    ) { _ in wasStarted += 1 }
    #expect(wasStarted == 1)
    let near = try pair.buffer(.pinned, bytes: 4096, at: pair.near)
    let far = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    near.fill(3)
    try pair.farEnd.receive([far.segment(0, 4096)], 1)
    try moved.send([near.segment(0, 4096)], 2)
    #expect(pair.farRecorder.completion(1)?.status == .success)
    #expect(far.holds(3, from: 0, at: 0, count: 4096))
    #expect(pair.farRecorder.seen.disconnections.isEmpty)
    moved.close()
    #expect(pair.farRecorder.wait { $0.disconnections == [.connectionReset] })
  }

  @Test func withdrawingEndsTheConnection() throws {
    let pair = try Pair()
    let offer = try pair.nearEnd.handOver(to: getpid(), endpoints: Self.endpoints)
    #expect(!offer.isOver)
    offer.withdraw()
    offer.withdraw()
    #expect(pair.farRecorder.wait { $0.disconnections == [.connectionReset] })
    #expect(throws: MemfdNICError.invalidDescriptor) { _ = try ConnectionHandover(offer.token) }
  }

  @Test func messagesThatAreNoneAreRefused() throws {
    let lengths: [[UInt64]] = [[1], [UInt64(Limits.maximumMessageBytes) + 1, 0], [0, .max]]
    for words in lengths {
      let backlog = try Backlog()
      let memory = Self.memory(words)
      #expect(throws: MemfdNICError.protocolViolation) { try backlog.restore(memory) }
    }
    let backlog = try Backlog()
    let memory = Self.memory([8, 42, 0])
    try backlog.restore(memory)
    var first: UInt64 = 0
    #expect(backlog.take(into: &first) == 8)
    #expect(first == 42)
    #expect(backlog.take(into: &first) == 0)
    #expect(backlog.isEmpty)
  }

  @Test func messagesAroundTheEndOfTheRingAreSavedInOrder() throws {
    let backlog = try Backlog()
    let message = [UInt8](repeating: 1, count: Limits.maximumMessageBytes)
    var taken = message
    // So that the next one lies around the end of the ring.
    while backlog.append(message, count: message.count) {}
    _ = backlog.take(into: &taken)
    let last: [UInt8] = [2, 3]
    #expect(backlog.append(last, count: last.count))
    var expected = 0
    let other = try Backlog()
    try other.restore(backlog.save())
    #expect(backlog.isEmpty)
    while !other.isEmpty {
      let count = other.take(into: &taken)
      if other.isEmpty {
        #expect(count == 2 && taken.prefix(2) == last[...])
      } else {
        #expect(count == message.count && taken == message)
        expected += 1
      }
    }
    #expect(expected == Limits.backlogBytes / (Limits.maximumMessageBytes + 8) - 1)
  }

  private static func memory(_ words: [UInt64]) -> Descriptor {
    let memory = Descriptor(CLinuxMemory_memfd("test", words.count * 8))
    #expect(pwrite(memory.number, words, words.count * 8, 0) == words.count * 8)
    return memory
  }
}
