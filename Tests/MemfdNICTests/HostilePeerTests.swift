import CLinuxMemory
import CMemfdNIC
import Glibc
import Testing
import VirtualMemory

@testable import MemfdNIC

@Suite(.serialized, .timeLimit(.minutes(2)))
struct HostilePeerTests {
  @Test func anIntroductionIsChecked() throws {
    let pair = try Pair()
    let requests = pair.farRecorder.seen.requests
    let unsealed = Descriptor(CLinuxMemory_memfd("unsealed", AccessTable.byteCount))
    let short = Descriptor(CLinuxMemory_memfd("short", 4096))
    _ = CLinuxMemory_add_seals(short.number, CLinuxMemory_seal_shrink)
    let attempts: [(Attacker) -> Void] = [
      { $0.hello { $0.version = 9 } },
      { $0.hello { $0.type = FrameType.message.rawValue } },
      { $0.hello(descriptors: []) },
      { $0.hello(descriptors: [$0.toVictim.readEnd.number]) },
      { $0.hello(descriptors: [$0.table.number, $0.table.number, $0.table.number]) },
      {
        $0.hello(descriptors: [
          $0.toVictim.readEnd.number, $0.fromVictim.writeEnd.number, $0.fromVictim.writeEnd.number,
        ])
      },
      {
        $0.hello(descriptors: [
          $0.toVictim.readEnd.number, $0.fromVictim.writeEnd.number, unsealed.number,
        ])
      },
      {
        $0.hello(descriptors: [
          $0.toVictim.readEnd.number, $0.fromVictim.writeEnd.number, short.number,
        ])
      },
      { $0.send(WireMessage(.hello), payload: [1, 2, 3]) },
      { _ = send($0.socket, [1, 2, 3], 3, 0) },
    ]
    for (index, attempt) in attempts.enumerated() {
      let attacker = try Attacker(pair, port: pair.listener.port)
      attempt(attacker)
      #expect(attacker.next()?.type == FrameType.refuse.rawValue, "attempt \(index)")
      #expect(attacker.next() == nil)
    }
    #expect(pair.farRecorder.seen.requests == requests)
    // Silent ones keep nobody out.
    let silent = try (0..<Limits.maximumHalfOpen + 8).map { _ in
      try Attacker(pair, port: pair.listener.port)
    }
    _ = try pair.attacked()
    withExtendedLifetime((silent, unsealed.number, short.number)) {}
  }

  static let garbage: [(String, MemfdNICError, @Sendable (inout WireMessage) -> Void)] = [
    ("type 0", .protocolViolation, { $0.type = 0 }),
    ("type of no frame", .protocolViolation, { $0.type = 99 }),
    ("second hello", .protocolViolation, { $0.type = FrameType.hello.rawValue }),
    ("accept", .protocolViolation, { $0.type = FrameType.accept.rawValue }),
    ("refuse", .protocolViolation, { $0.type = FrameType.refuse.rawValue }),
    ("message of another length", .protocolViolation, { $0.length = 5 }),
    (
      "acknowledgement of nothing", .protocolViolation,
      {
        $0.type = FrameType.writeAcknowledged.rawValue
        $0.sequence = .max
      }
    ),
    ("read data for nothing", .protocolViolation, { $0.type = FrameType.readData.rawValue }),
    (
      "an attachment nobody asked for", .protocolViolation,
      { $0.type = FrameType.attached.rawValue }
    ),
    (
      "write to no slot", .remoteAccessError,
      {
        $0.type = FrameType.write.rawValue
        $0.slot = .max
      }
    ),
    ("write to a slot never used", .remoteAccessError, { $0.type = FrameType.write.rawValue }),
    (
      "read of a slot never used", .remoteAccessError,
      {
        $0.type = FrameType.read.rawValue
        $0.slot = 1023
        $0.total = .max
        $0.offset = .max
      }
    ),
    ("attach to nothing", .remoteAccessError, { $0.type = FrameType.attach.rawValue }),
    (
      "refusal of nothing", .remoteAccessError,
      {
        $0.type = FrameType.refused.rawValue
        $0.sequence = .max
      }
    ),
  ]

  @Test(arguments: garbage.indices)
  func aFrameThatMayNotBeBreaksTheConnection(_ index: Int) throws {
    let (_, error, change) = Self.garbage[index]
    let pair = try Pair()
    let (attacker, victim, recorder) = try pair.attacked()
    try victim.receive([], 1)
    var message = WireMessage(.message)
    change(&message)
    attacker.send(message)
    #expect(recorder.wait { $0.disconnections == [error] })
    #expect(recorder.statuses(1) == [.reset])
    // The end is heard, after a refusal or at once.
    while attacker.next() != nil {}
    // And everybody else works on.
    try pair.farEnd.receive([], 1)
    try pair.nearEnd.send([], 1)
    #expect(pair.farRecorder.completion(1)?.status == .success)
  }

  @Test func aFrameThatIsNotWholeBreaksTheConnection() throws {
    let pair = try Pair()
    let (attacker, _, recorder) = try pair.attacked()
    _ = send(attacker.socket, [1, 2, 3], 3, 0)
    #expect(recorder.wait { $0.disconnections == [.protocolViolation] })
  }

  @Test func aFrameThatIsTooLongBreaksTheConnection() throws {
    let pair = try Pair()
    let (attacker, _, recorder) = try pair.attacked()
    attacker.send(WireMessage(.message), payload: [UInt8](repeating: 7, count: 65_537))
    #expect(recorder.wait { $0.disconnections == [.protocolViolation] })
  }

  /// What is announced must be in the pipe: the engine never waits for it.
  @Test func bytesThatAreNotThereBreakTheConnection() throws {
    let pair = try Pair()
    let (attacker, victim, recorder) = try pair.attacked()
    let buffer = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    let remote = try victim.expose(buffer.range, key: buffer.key, access: .readWrite)
    var message = WireMessage(.write)
    message.slot = remote.slot
    message.nonce = remote.nonce
    message.length = 4096
    message.total = 4096
    // The description is shared: that it may not wait is no longer said there.
    _ = fcntl(attacker.toVictim.readEnd.number, F_SETFL, 0)
    attacker.send(message)
    #expect(recorder.wait { $0.disconnections == [.protocolViolation] })
    #expect(buffer.deregister())
  }

  @Test func aWriteThatGrowsBreaksTheConnection() throws {
    let pair = try Pair()
    let (attacker, victim, recorder) = try pair.attacked()
    let buffer = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    buffer.fill(1)
    let remote = try victim.expose(buffer.part(0, 10), key: buffer.key, access: .readWrite)
    let bytes = [UInt8](repeating: 9, count: 100)
    _ = write(attacker.toVictim.writeEnd.number, bytes, 100)
    var message = WireMessage(.write)
    message.slot = remote.slot
    message.nonce = remote.nonce
    message.length = 5
    message.total = 10
    attacker.send(message)
    message.length = 6
    attacker.send(message)
    #expect(recorder.wait { $0.disconnections.count == 1 })
    #expect(buffer.holds(1, from: 10, at: 10, count: 4086))
  }

  @Test func concealingWaitsForAWriteUnderWay() throws {
    let pair = try Pair()
    let (attacker, victim, recorder) = try pair.attacked()
    let buffer = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    let message = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    let remote = try victim.expose(buffer.range, key: buffer.key, access: .write)
    _ = write(attacker.toVictim.writeEnd.number, [UInt8](repeating: 9, count: 10), 10)
    var half = WireMessage(.write)
    half.slot = remote.slot
    half.nonce = remote.nonce
    half.length = 5
    half.total = 10
    attacker.send(half)
    // A message after it, so that we know that it was handled.
    try victim.receive([message.segment(0, 16)], 1)
    attacker.send(WireMessage(.message))
    #expect(recorder.completion(1)?.status == .success)
    #expect(throws: MemfdNICError.inUse) { try victim.conceal(remote) }
    attacker.send(half)
    #expect(attacker.next()?.type == FrameType.writeAcknowledged.rawValue)
    try victim.conceal(remote)
    // Invalidation does not wait for a peer that has stopped between two parts.
    let again = try victim.expose(buffer.range, key: buffer.key, access: .write)
    _ = write(attacker.toVictim.writeEnd.number, [UInt8](repeating: 9, count: 10), 10)
    half.slot = again.slot
    half.nonce = again.nonce
    attacker.send(half)
    try victim.receive([message.segment(0, 16)], 2)
    attacker.send(WireMessage(.message))
    #expect(recorder.completion(2)?.status == .success)
    #expect(buffer.deregister())
    attacker.send(half)
    #expect(recorder.wait { $0.disconnections == [.remoteAccessError] })
  }

  /// What a peer scribbles into the gates that it shares delays an invalidation to its deadline,
  /// and no further than its own life.
  @Test func scribbledGatesDelayOnlyToTheDeadline() throws {
    let pair = try Pair()
    let (attacker, victim, _) = try pair.attacked()
    let buffer = try pair.buffer(.mapped, bytes: 4096, at: pair.far)
    _ = try victim.expose(buffer.range, key: buffer.key, access: .readWrite)
    let table = try AccessTable(Descriptor(dup(victim.exposures.accessDescriptor)))
    for slot in 0..<UInt32(Limits.maximumExposures) {
      SharedWord(table.gate(slot).address).store(0xFFFF_FFFF_7FFF_FFF0)
    }
    let deadline = CLinuxMemory_monotonic() + 30_000_000
    #expect(!pair.far.deregister(buffer.key, deadline: deadline))
    CMemfdNIC_end_sending(attacker.socket)
    #expect(buffer.deregister())
  }

  @Test func aFloodOfRequestsBreaksTheConnection() throws {
    let pair = try Pair()
    let (attacker, victim, recorder) = try pair.attacked()
    let buffer = try pair.buffer(.pinned, bytes: 1 << 20, at: pair.far)
    let remote = try victim.expose(buffer.range, key: buffer.key, access: .read)
    var message = WireMessage(.read)
    message.slot = remote.slot
    message.nonce = remote.nonce
    message.total = 1 << 20
    // It takes nothing out of its pipe, so the first answer is never complete.
    for _ in 0..<Limits.maximumResponses + 2 { attacker.send(message) }
    #expect(recorder.wait { $0.disconnections == [.protocolViolation] })
    #expect(buffer.deregister())
  }

  @Test func aPeerThatSaysItHasMoved() throws {
    let pair = try Pair()
    let (attacker, victim, recorder) = try pair.attacked()
    let buffer = try pair.buffer(.pinned, bytes: 4096, at: pair.far)
    var moved = WireMessage(.moved)
    // To a process that cannot be: its socket is watched then, and nothing else happens.
    moved.slot = UInt32(Int32.max)
    attacker.send(moved)
    try victim.receive([buffer.segment(0, 16)], 1)
    attacker.send(WireMessage(.message))
    #expect(recorder.completion(1)?.status == .success)
    moved.slot = 0
    attacker.send(moved)
    #expect(recorder.wait { $0.disconnections == [.protocolViolation] })
  }
}
