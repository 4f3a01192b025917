import MemfdNIC
import Testing
import VirtualMemory

/// All four operations, for both kinds of memory at either end and both ways of local DMA.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct TransferTests {
  static let size: UInt = 2 << 20

  struct Combination: Sendable, CustomTestStringConvertible {
    let mode: DMAMode
    let local: Kind
    let remote: Kind
    var testDescription: String { "\(mode) \(local) to \(remote)" }
    static let all = DMAMode.allCases.flatMap { mode in
      Kind.allCases.flatMap { local in
        Kind.allCases.map { Combination(mode: mode, local: local, remote: $0) }
      }
    }
  }

  @Test(arguments: Combination.all)
  func writeChangesExactlyItsBytes(_ combination: Combination) throws {
    let pair = try Pair(combination.mode)
    let source = try pair.buffer(combination.local, bytes: Self.size, at: pair.near)
    let target = try pair.buffer(combination.remote, bytes: Self.size, at: pair.far)
    source.fill(1)
    target.fill(2)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .write)
    // Unaligned, in three pieces, over several chunks.
    let segments = [
      source.segment(5, 1_000_001), source.segment(1_200_000, 7), source.segment(3, 700_000),
    ]
    try pair.nearEnd.write(segments, to: remote, 77, 1)
    let completion = try #require(pair.nearRecorder.completion(1))
    #expect(completion.status == .success && completion.byteCount == 1_700_008)
    #expect(target.holds(2, from: 0, at: 0, count: 77))
    #expect(target.holds(1, from: 5, at: 77, count: 1_000_001))
    #expect(target.holds(1, from: 1_200_000, at: 1_000_078, count: 7))
    #expect(target.holds(1, from: 3, at: 1_000_085, count: 700_000))
    #expect(
      target.holds(2, from: 1_700_085, at: 1_700_085, count: Int(Self.size) - 1_700_085))
  }

  @Test(arguments: Combination.all)
  func readFillsExactlyItsBytes(_ combination: Combination) throws {
    let pair = try Pair(combination.mode)
    let target = try pair.buffer(combination.local, bytes: Self.size, at: pair.near)
    let source = try pair.buffer(combination.remote, bytes: Self.size, at: pair.far)
    source.fill(3)
    target.fill(4)
    let remote = try pair.farEnd.expose(source.part(11, 2_000_000), key: source.key, access: .read)
    let segments = [target.segment(9, 900_001), target.segment(1_000_000, 800_000)]
    try pair.nearEnd.read(segments, from: remote, 13, 1)
    let completion = try #require(pair.nearRecorder.completion(1))
    #expect(completion.status == .success && completion.byteCount == 1_700_001)
    #expect(target.holds(4, from: 0, at: 0, count: 9))
    #expect(target.holds(3, from: 24, at: 9, count: 900_001))
    #expect(target.holds(4, from: 900_010, at: 900_010, count: 1_000_000 - 900_010))
    #expect(target.holds(3, from: 900_025, at: 1_000_000, count: 800_000))
    #expect(target.holds(4, from: 1_800_000, at: 1_800_000, count: Int(Self.size) - 1_800_000))
  }

  @Test(arguments: Combination.all)
  func messagesKeepTheirBoundaries(_ combination: Combination) throws {
    let pair = try Pair(combination.mode)
    let source = try pair.buffer(combination.local, bytes: 1 << 17, at: pair.near)
    let target = try pair.buffer(combination.remote, bytes: 1 << 17, at: pair.far)
    source.fill(5)
    target.fill(6)
    try pair.farEnd.receive([target.segment(0, 10), target.segment(100, 65_536)], 1)
    try pair.farEnd.receive([target.segment(70_000, 8)], 2)
    try pair.farEnd.receive([target.segment(80_000, 8)], 3)
    try pair.nearEnd.send([source.segment(1, 65_000), source.segment(7, 536)], 4)
    try pair.nearEnd.send([source.segment(3, 3)], 5)
    try pair.nearEnd.send([], 6)
    #expect(pair.farRecorder.completion(1)?.byteCount == 65_536)
    #expect(pair.farRecorder.completion(2)?.byteCount == 3)
    #expect(pair.farRecorder.completion(3)?.byteCount == 0)
    #expect(pair.nearRecorder.completion(6)?.status == .success)
    #expect(target.holds(5, from: 1, at: 0, count: 10))
    #expect(target.holds(5, from: 11, at: 100, count: 64_990))
    #expect(target.holds(5, from: 7, at: 65_090, count: 536))
    #expect(target.holds(5, from: 3, at: 70_000, count: 3))
    #expect(target.holds(6, from: 70_003, at: 70_003, count: 100))
  }

  @Test(arguments: Kind.allCases)
  func zeroBytesComplete(_ kind: Kind) throws {
    let pair = try Pair()
    let target = try pair.buffer(kind, bytes: 4096, at: pair.far)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .readWrite)
    try pair.nearEnd.write([], to: remote, 4096, 1)
    try pair.nearEnd.read([], from: remote, 0, 2)
    #expect(pair.nearRecorder.completion(1)?.status == .success)
    #expect(pair.nearRecorder.completion(2)?.status == .success)
    #expect(pair.nearRecorder.completion(2)?.byteCount == 0)
  }

  @Test func aMessageThatCameEarlyIsKept() throws {
    let pair = try Pair()
    let source = try pair.buffer(.pinned, bytes: 4096, at: pair.near)
    let target = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    for index in 0..<20 {
      source.fill(UInt8(index))
      try pair.nearEnd.send([source.segment(0, UInt32(index) + 1)], UInt64(index))
      #expect(pair.nearRecorder.completion(UInt64(index))?.status == .success)
    }
    for index in 0..<20 {
      try pair.farEnd.receive([target.segment(0, 256)], UInt64(index))
      #expect(pair.farRecorder.completion(UInt64(index))?.byteCount == UInt32(index) + 1)
      #expect(target.holds(UInt8(index), from: 0, at: 0, count: index + 1))
    }
  }

  /// A send is complete when the message has arrived: it is not lost when its sender goes at once.
  @Test func aMessageOutlivesItsSender() throws {
    let pair = try Pair()
    let source = try pair.buffer(.pinned, bytes: 4096, at: pair.near)
    let target = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    for index in 0..<3 {
      source.fill(UInt8(index))
      try pair.nearEnd.send([source.segment(0, 100)], UInt64(index))
      #expect(pair.nearRecorder.completion(UInt64(index))?.status == .success)
    }
    pair.nearEnd.close()
    for index in 0..<3 {
      try pair.farEnd.receive([target.segment(0, 256)], UInt64(index))
      #expect(pair.farRecorder.completion(UInt64(index))?.status == .success)
      #expect(target.holds(UInt8(index), from: 0, at: 0, count: 100))
    }
    #expect(pair.farRecorder.wait { $0.disconnections == [.connectionReset] })
  }

  /// What is kept of a peer that has gone does not keep this side from closing.
  @Test func messagesThatNobodyWantsAreDropped() throws {
    let pair = try Pair()
    let source = try pair.buffer(.pinned, bytes: 4096, at: pair.near)
    try pair.nearEnd.send([source.segment(0, 100)], 1)
    #expect(pair.nearRecorder.completion(1)?.status == .success)
    pair.nearEnd.close()
    pair.farEnd.close()
    #expect(throws: MemfdNICError.notConnected) { try pair.farEnd.receive([], 1) }
  }

  @Test func tooManyEarlyMessagesBreakTheConnection() throws {
    let pair = try Pair()
    let source = try pair.buffer(.mapped, bytes: 65_536, at: pair.near)
    for index in 0..<40 {
      do {
        try pair.nearEnd.send([source.segment(0, 65_536)], UInt64(index))
      } catch MemfdNICError.notConnected { break }
    }
    #expect(pair.farRecorder.wait { $0.disconnections == [.exhausted] })
    #expect(pair.nearRecorder.wait { $0.disconnections == [.connectionReset] })
  }

  @Test func aMessageTooLongIsSaidToBe() throws {
    let pair = try Pair()
    let source = try pair.buffer(.pinned, bytes: 4096, at: pair.near)
    let target = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    source.fill(1)
    target.fill(2)
    try pair.farEnd.receive([target.segment(0, 10)], 1)
    try pair.nearEnd.send([source.segment(0, 20)], 1)
    let completion = try #require(pair.farRecorder.completion(1))
    #expect(completion.status == .messageTooLong && completion.byteCount == 10)
    #expect(target.holds(1, from: 0, at: 0, count: 10))
    #expect(target.holds(2, from: 10, at: 10, count: 10))
    #expect(throws: MemfdNICError.tooManySegments) {
      try pair.nearEnd.send([LocalSegment](repeating: source.segment(0, 1), count: 17), 2)
    }
  }
}
