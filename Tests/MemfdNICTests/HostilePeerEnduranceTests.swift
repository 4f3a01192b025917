import CLinuxMemory
import CMemfdNIC
import Glibc
import Testing
import VirtualMemory

@testable import MemfdNIC

/// A peer that writes garbage into everything it can reach: frames, descriptors, pipes, gates, and
/// the memory that it was given. PINDOWN_HOSTILE_SECONDS says for how long (2).
@Suite(.serialized, .timeLimit(.minutes(5)))
struct HostilePeerEnduranceTests {
  /// What the victim has: memory that the peer may write, may read, and may not touch, side by
  /// side in one registration.
  private struct Estate {
    static let part: UInt = 65_536
    static let exposedWritable: UInt = 1
    static let exposedReadable: UInt = 3
    static let parts: UInt = 5
    /// What only the victim may see, and what the peer may read.
    static let secret: UInt8 = 0x55
    static let shown: UInt8 = 0xAA

    let memory: Buffer

    init(_ kind: Kind, _ pair: Pair) throws {
      memory = try pair.buffer(kind, bytes: Self.part * Self.parts, at: pair.far)
      reset()
    }

    func reset() {
      for part in 0..<Self.parts {
        memset(
          bytes(part).baseAddress!,
          Int32(part == Self.exposedReadable ? Self.shown : Self.secret), Int(Self.part))
      }
    }

    func bytes(_ part: UInt) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(
        rebasing: memory.bytes[Int(part * Self.part)..<Int((part + 1) * Self.part)])
    }

    /// Whether everything but the writable part is as it was.
    var isUnharmed: Bool {
      (0..<Self.parts).allSatisfy { part in
        part == Self.exposedWritable
          || bytes(part).allSatisfy {
            $0 == (part == Self.exposedReadable ? Self.shown : Self.secret)
          }
      }
    }

    func expose(to victim: QueuePair) throws -> [RemoteDescriptor] {
      [
        try victim.expose(
          memory.part(Self.exposedWritable * Self.part, Self.part), key: memory.key,
          access: .write),
        try victim.expose(
          memory.part(Self.exposedReadable * Self.part, Self.part), key: memory.key,
          access: .read),
      ]
    }
  }

  private static var seconds: UInt64 {
    getenv("PINDOWN_HOSTILE_SECONDS").flatMap { UInt64(String(cString: $0)) } ?? 2
  }

  @Test func garbageEverywhere() throws {
    let seed = CMemfdNIC_random()
    var chance = Chance(seed)
    let pair = try Pair()
    // Memory that may be mapped is the peer's to read and write as a whole; the rest is not.
    let pinned = try Estate(.pinned, pair)
    let mapped = try pair.buffer(.mapped, bytes: 65_536, at: pair.far)
    let own = try pair.buffer(.pinned, bytes: 65_536, at: pair.far)
    let honest = try (
      pair.buffer(.pinned, bytes: 4096, at: pair.near),
      pair.buffer(.pinned, bytes: 4096, at: pair.far)
    )
    let end = CLinuxMemory_monotonic() + Self.seconds * 1_000_000_000
    var rounds: UInt64 = 0
    while CLinuxMemory_monotonic() < end {
      try round(pair, pinned, mapped, own, &chance)
      try #require(pinned.isUnharmed, "round \(rounds) of seed \(seed)")
      // Everybody else works on.
      honest.0.fill(UInt8(truncatingIfNeeded: rounds))
      try pair.farEnd.receive([honest.1.segment(0, 4096)], rounds)
      try pair.nearEnd.send([honest.0.segment(0, 4096)], rounds)
      try #require(pair.farRecorder.completion(rounds)?.status == .success)
      try #require(
        honest.1.holds(UInt8(truncatingIfNeeded: rounds), from: 0, at: 0, count: 4096))
      pair.farRecorder.note { $0.completions = [] }
      pair.nearRecorder.note { $0.completions = [] }
      rounds += 1
    }
    #expect(rounds > 10)
    #expect(mapped.deregister())
    #expect(pinned.memory.deregister())
    print("\(rounds) hostile connections in \(Self.seconds) s, seed \(seed)")
  }

  /// The check is able to fail: a byte outside what was exposed is noticed.
  @Test func harmIsNoticed() throws {
    let pair = try Pair()
    let pinned = try Estate(.pinned, pair)
    #expect(pinned.isUnharmed)
    pinned.bytes(Estate.exposedWritable)[0] = 1
    #expect(pinned.isUnharmed)
    pinned.bytes(2)[65_535] = 1
    #expect(!pinned.isUnharmed)
  }

  /// One connection of the peer's, from its hello to its end.
  private func round(
    _ pair: Pair, _ pinned: Estate, _ mapped: Buffer, _ own: Buffer, _ chance: inout Chance
  ) throws {
    let (attacker, victim, recorder) = try pair.attacked()
    let remotes =
      try pinned.expose(to: victim) + [
        victim.expose(mapped.range, key: mapped.key, access: .readWrite)
      ]
    try victim.receive([own.segment(0, 65_536)], 1)
    let posted = 1 + postRequests(on: victim, own, &chance)
    let count = 1 + chance.number(below: 24)
    for _ in 0..<count { attack(attacker, remotes, victim, &chance) }
    let secrets = attacker.drain()
    #expect(!secrets.contains(Estate.secret), "bytes that were not shown")
    CMemfdNIC_end_sending(attacker.socket)
    victim.close()
    // Whatever the peer did, everything that was posted has ended, and once.
    #expect(recorder.seen.completions.count == posted)
  }

  /// The victim writes to, and reads, what the peer says it has; the answers are garbage, too.
  /// Returns how many requests were taken.
  private func postRequests(on victim: QueuePair, _ own: Buffer, _ chance: inout Chance) -> Int {
    var posted = 0
    for context in 2..<6 {
      let remote = RemoteDescriptor(
        slot: chance.number(below: 4), nonce: chance.word(), access: 3,
        isMapped: chance.number(below: 2) == 0, length: 65_536, connection: 0)
      let number = UInt64(context)
      if (try? victim.write([own.segment(0, 4096)], to: remote, 0, number)) != nil { posted += 1 }
      if (try? victim.read([own.segment(8192, 4096)], from: remote, 0, number)) != nil {
        posted += 1
      }
      if (try? victim.send([own.segment(0, 64)], number)) != nil { posted += 1 }
    }
    return posted
  }

  private func attack(
    _ attacker: Attacker, _ remotes: [RemoteDescriptor], _ victim: QueuePair,
    _ chance: inout Chance
  ) {
    switch chance.number(below: 8) {
    case 0: scribble(victim, &chance)
    case 1:
      let bytes = (0..<chance.number(below: 8192)).map { _ in Estate.shown }
      _ = write(attacker.toVictim.writeEnd.number, bytes, bytes.count)
    case 2:
      let bytes = chance.bytes(Int(chance.number(below: 200)))
      _ = send(
        attacker.socket, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    default: sendFrame(attacker, remotes, &chance)
    }
  }

  /// Words into the gates that the victim shares.
  private func scribble(_ victim: QueuePair, _ chance: inout Chance) {
    guard let table = try? AccessTable(Descriptor(dup(victim.exposures.accessDescriptor))) else {
      return
    }
    for _ in 0..<chance.number(below: 16) {
      let gate = table.gate(chance.number(below: UInt32(Limits.maximumExposures)))
      // Users that are not there hold an invalidation up to its deadline; not in every round.
      let isOccupied = chance.number(below: 2000) == 0
      let word = UInt64(chance.word()) << 32 | UInt64(isOccupied ? chance.word() : 0)
      SharedWord(gate.address).store(word)
    }
  }

  /// A frame that is right in some of its parts.
  private func sendFrame(
    _ attacker: Attacker, _ remotes: [RemoteDescriptor], _ chance: inout Chance
  ) {
    var message = WireMessage()
    message.type = chance.number(below: 14)
    let remote = remotes[Int(chance.number(below: UInt32(remotes.count)))]
    message.slot = chance.number(below: 4) == 0 ? chance.word() : remote.slot
    message.nonce = chance.number(below: 4) == 0 ? chance.word() : remote.nonce
    message.sequence = chance.length()
    message.offset = chance.length()
    message.length = chance.length()
    message.total = chance.length()
    message.access = chance.word()
    message.connection = UInt64(chance.word())
    var payload: [UInt8] = []
    if message.type == FrameType.message.rawValue {
      payload = [UInt8](repeating: Estate.shown, count: Int(chance.number(below: 65_536)))
      if chance.number(below: 4) != 0 { message.length = UInt64(payload.count) }
    }
    var descriptors: [Int32] = []
    if chance.number(below: 4) == 0 {
      let all = [attacker.table.number, attacker.toVictim.readEnd.number, attacker.socket]
      descriptors = (0..<chance.number(below: 7)).map { _ in
        all[Int(chance.number(below: 3))]
      }
    }
    if message.type == FrameType.moved.rawValue, chance.number(below: 2) == 0 {
      message.slot = UInt32(getpid())
    }
    attacker.send(message, payload: payload, descriptors: descriptors)
  }
}

/// Numbers by chance, the same for the same seed.
private struct Chance {
  private var state: UInt64

  init(_ seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
  mutating func number(below limit: UInt32) -> UInt32 { UInt32(next() % UInt64(limit)) }
  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// A length or offset: small, at an edge, or absurd.
  mutating func length() -> UInt64 {
    switch number(below: 6) {
    case 0: 0
    case 1: UInt64(number(below: 64))
    case 2: UInt64(number(below: 65_537))
    case 3: 65_536 &- UInt64(number(below: 3)) &+ 1
    case 4: .max - UInt64(number(below: 65_537))
    default: next()
    }
  }
}

extension Attacker {
  /// What has come through the pipe so far.
  fileprivate func drain() -> [UInt8] {
    var all: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(fromVictim.readEnd.number, &part, part.count)
      if count <= 0 { return all }
      all += part.prefix(count)
    }
  }
}
