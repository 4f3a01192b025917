import MemfdNIC
import Testing
import VirtualMemory

@Suite(.serialized, .timeLimit(.minutes(2)))
struct OrderTests {
  /// A send posted after an RDMA write arrives when the written bytes are there.
  @Test(arguments: TransferTests.Combination.all)
  func aSendDoesNotOvertakeAWrite(_ combination: TransferTests.Combination) throws {
    let pair = try Pair(combination.mode)
    let source = try pair.buffer(combination.local, bytes: 1 << 20, at: pair.near)
    let target = try pair.buffer(combination.remote, bytes: 1 << 20, at: pair.far)
    let message = try pair.buffer(.mapped, bytes: 4096, at: pair.far)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .write)
    for round in 1...8 {
      source.fill(UInt8(round))
      try pair.farEnd.receive([message.segment(0, 8)], UInt64(round))
      try pair.nearEnd.write([source.segment(0, 1 << 20)], to: remote, 0, UInt64(1000 + round))
      try pair.nearEnd.send([source.segment(0, 8)], UInt64(round))
      #expect(pair.farRecorder.completion(UInt64(round))?.status == .success)
      // The last bytes are what would be late.
      #expect(target.holds(UInt8(round), from: 1_000_000, at: 1_000_000, count: 48_576))
      // The source is changed only when the write is over.
      #expect(pair.nearRecorder.completion(UInt64(1000 + round))?.status == .success)
    }
  }

  /// A send posted after an RDMA read tells the peer that its memory has been read.
  @Test(arguments: Kind.allCases)
  func aSendDoesNotOvertakeARead(_ kind: Kind) throws {
    let pair = try Pair(.strict)
    let target = try pair.buffer(kind, bytes: 1 << 20, at: pair.near)
    let source = try pair.buffer(kind, bytes: 1 << 20, at: pair.far)
    let message = try pair.buffer(.mapped, bytes: 4096, at: pair.far)
    let remote = try pair.farEnd.expose(source.range, key: source.key, access: .read)
    for round in 1...8 {
      source.fill(UInt8(round))
      try pair.farEnd.receive([message.segment(0, 8)], UInt64(round))
      try pair.nearEnd.read([target.segment(0, 1 << 20)], from: remote, 0, UInt64(1000 + round))
      try pair.nearEnd.send([target.segment(0, 8)], UInt64(round))
      #expect(pair.farRecorder.completion(UInt64(round))?.status == .success)
      // The owner uses its memory again as soon as it is told.
      source.fill(0xFF)
      #expect(pair.nearRecorder.completion(UInt64(1000 + round))?.status == .success)
      #expect(target.holds(UInt8(round), from: 1_000_000, at: 1_000_000, count: 48_576))
    }
  }

  /// Both ways at once, every kind of request, more than the pipes and the socket hold: completions
  /// come in the order of posting, and neither end waits for the other for ever.
  @Test(arguments: DMAMode.allCases)
  func bothDirectionsAtOnce(_ mode: DMAMode) throws {
    let pair = try Pair(mode)
    let ends = [
      (pair.nearEnd, pair.nearRecorder, pair.near, pair.farEnd, pair.far),
      (pair.farEnd, pair.farRecorder, pair.far, pair.nearEnd, pair.near),
    ]
    var buffers: [(Buffer, RemoteDescriptor, RemoteDescriptor)] = []
    for (_, _, nic, peer, peerNIC) in ends {
      let local = try pair.buffer(.pinned, bytes: 2 << 20, at: nic)
      let pinned = try pair.buffer(.pinned, bytes: 2 << 20, at: peerNIC)
      let mapped = try pair.buffer(.mapped, bytes: 2 << 20, at: peerNIC)
      let first = try peer.expose(pinned.range, key: pinned.key, access: .readWrite)
      let second = try peer.expose(mapped.range, key: mapped.key, access: .readWrite)
      buffers.append((local, first, second))
    }
    for index in 0..<2 {
      let (end, _, _, _, _) = ends[index]
      let local = buffers[index].0
      for round in 0..<50 {
        try end.receive([local.segment(0, 65_536)], UInt64(10_000 + round))
      }
    }
    for round in 0..<50 {
      for index in 0..<2 {
        let (end, _, _, _, _) = ends[index]
        let (local, pinned, mapped) = buffers[index]
        let context = UInt64(round * 5)
        try end.write([local.segment(0, 2 << 20)], to: pinned, 0, context)
        try end.send([local.segment(0, 65_536)], context + 1)
        try end.read([local.segment(0, 2 << 20)], from: pinned, 0, context + 2)
        try end.write([local.segment(0, 2 << 20)], to: mapped, 0, context + 3)
        try end.read([local.segment(0, 2 << 20)], from: mapped, 0, context + 4)
      }
    }
    for (_, recorder, _, _, _) in ends {
      #expect(recorder.wait { $0.completions.count == 300 })
      let seen = recorder.seen.completions
      #expect(seen.allSatisfy { $0.status == .success })
      #expect(seen.filter { $0.context < 10_000 }.map(\.context) == (0..<250).map { UInt64($0) })
      #expect(
        seen.filter { $0.context >= 10_000 }.map(\.context) == (0..<50).map { 10_000 + UInt64($0) })
    }
  }
}
