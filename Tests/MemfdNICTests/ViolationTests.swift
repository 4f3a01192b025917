import CLinuxMemory
import Glibc
import MemfdNIC
import Testing
import VirtualMemory

/// What a connection must not do, found at either end.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ViolationTests {
  struct Setting {
    let pair: Pair
    let local: Buffer
    let remote: Buffer
    init(_ kind: Kind) throws {
      pair = try Pair()
      local = try pair.buffer(kind, bytes: 16_384, at: pair.near)
      remote = try pair.buffer(kind, bytes: 16_384, at: pair.far)
      local.fill(1)
      remote.fill(2)
    }

    /// The request ended as one that the target refused, both ends are broken, nothing changed.
    func expectRefused(_ context: UInt64) {
      #expect(pair.nearRecorder.completion(context)?.status == .remoteAccessError)
      #expect(pair.nearRecorder.wait { $0.disconnections == [.remoteAccessError] })
      #expect(pair.farRecorder.wait { $0.disconnections.count == 1 })
      #expect(remote.holds(2, from: 0, at: 0, count: 16_384))
    }
  }

  @Test(arguments: Kind.allCases)
  func whatTheDescriptorForbidsStartsNothing(_ kind: Kind) throws {
    let setting = try Setting(kind)
    let (pair, local, remote) = (setting.pair, setting.local, setting.remote)
    let reading = try pair.farEnd.expose(remote.part(0, 100), key: remote.key, access: .read)
    let writing = try pair.farEnd.expose(remote.part(0, 100), key: remote.key, access: .write)
    #expect(throws: MemfdNICError.accessDenied) {
      try pair.nearEnd.write([local.segment(0, 1)], to: reading, 0, 1)
    }
    #expect(throws: MemfdNICError.accessDenied) {
      try pair.nearEnd.read([local.segment(0, 1)], from: writing, 0, 1)
    }
    #expect(throws: MemfdNICError.outOfBounds) {
      try pair.nearEnd.write([local.segment(0, 2)], to: writing, 99, 1)
    }
    #expect(throws: MemfdNICError.outOfBounds) {
      try pair.nearEnd.write([local.segment(0, 2)], to: writing, .max, 1)
    }
    var altered = writing
    altered.magic += 1
    #expect(throws: MemfdNICError.invalidDescriptor) {
      try pair.nearEnd.write([local.segment(0, 2)], to: altered, 0, 1)
    }
    #expect(throws: MemfdNICError.outOfBounds) {
      try pair.nearEnd.write([local.segment(16_383, 2)], to: writing, 0, 1)
    }
    #expect(throws: MemfdNICError.invalidKey) {
      let foreign = LocalSegment(
        address: local.range.start, length: 1, key: RegistrationKey(rawValue: 0x00FF_0001))
      try pair.nearEnd.write([foreign], to: writing, 0, 1)
    }
    // The connection is as good as before.
    try pair.nearEnd.write([local.segment(0, 100)], to: writing, 0, 2)
    #expect(pair.nearRecorder.completion(2)?.status == .success)
    #expect(pair.nearRecorder.seen.completions.count == 1)
    #expect(remote.holds(1, from: 0, at: 0, count: 100))
    #expect(remote.holds(2, from: 100, at: 100, count: 16_284))
  }

  @Test(arguments: Kind.allCases)
  func theTargetKnowsItsBounds(_ kind: Kind) throws {
    let setting = try Setting(kind)
    var remote = try setting.pair.farEnd.expose(
      setting.remote.part(0, 100), key: setting.remote.key, access: .write)
    remote.length = 16_384
    try setting.pair.nearEnd.write([setting.local.segment(0, 101)], to: remote, 0, 1)
    setting.expectRefused(1)
  }

  @Test(arguments: Kind.allCases)
  func theTargetKnowsWhatOffsetsOverflow(_ kind: Kind) throws {
    let setting = try Setting(kind)
    var remote = try setting.pair.farEnd.expose(
      setting.remote.part(0, 100), key: setting.remote.key, access: .readWrite)
    remote.length = .max
    try setting.pair.nearEnd.read([setting.local.segment(0, 16)], from: remote, .max - 16, 1)
    setting.expectRefused(1)
  }

  @Test(arguments: Kind.allCases)
  func theTargetKnowsItsPermissions(_ kind: Kind) throws {
    let setting = try Setting(kind)
    var remote = try setting.pair.farEnd.expose(
      setting.remote.range, key: setting.remote.key, access: .read)
    remote.access = MemoryAccess.readWrite.rawValue
    try setting.pair.nearEnd.write([setting.local.segment(0, 16)], to: remote, 0, 1)
    setting.expectRefused(1)
  }

  @Test(arguments: Kind.allCases)
  func memoryForWritingCannotBeRead(_ kind: Kind) throws {
    let setting = try Setting(kind)
    var remote = try setting.pair.farEnd.expose(
      setting.remote.range, key: setting.remote.key, access: .write)
    remote.access = MemoryAccess.readWrite.rawValue
    try setting.pair.nearEnd.read([setting.local.segment(0, 16)], from: remote, 0, 1)
    setting.expectRefused(1)
    #expect(setting.local.holds(1, from: 0, at: 0, count: 16_384))
  }

  @Test(arguments: Kind.allCases)
  func theTargetKnowsItsNonces(_ kind: Kind) throws {
    let setting = try Setting(kind)
    var remote = try setting.pair.farEnd.expose(
      setting.remote.range, key: setting.remote.key, access: .write)
    remote.nonce ^= 4
    try setting.pair.nearEnd.write([setting.local.segment(0, 16)], to: remote, 0, 1)
    setting.expectRefused(1)
  }

  @Test(arguments: Kind.allCases)
  func aForeignConnectionsDescriptorIsRefused(_ kind: Kind) throws {
    let setting = try Setting(kind)
    let other = try Pair()
    let foreign = try other.buffer(kind, bytes: 4096, at: other.far)
    var remote = try other.farEnd.expose(foreign.range, key: foreign.key, access: .write)
    #expect(throws: MemfdNICError.invalidDescriptor) {
      try setting.pair.nearEnd.write([setting.local.segment(0, 16)], to: remote, 0, 1)
    }
    #expect(throws: MemfdNICError.invalidDescriptor) { try setting.pair.farEnd.conceal(remote) }
    // Made to look like one of this connection's.
    let own = try setting.pair.farEnd.expose(
      setting.remote.part(0, 1), key: setting.remote.key, access: .write)
    try setting.pair.farEnd.conceal(own)
    remote.connection = own.connection
    try setting.pair.nearEnd.write([setting.local.segment(0, 16)], to: remote, 0, 1)
    setting.expectRefused(1)
  }

  @Test(arguments: Kind.allCases)
  func concealedMemoryIsOutOfReach(_ kind: Kind) throws {
    let setting = try Setting(kind)
    let pair = setting.pair
    let remote = try pair.farEnd.expose(
      setting.remote.range, key: setting.remote.key, access: .readWrite)
    // Once before, so that a mapping of it is there.
    try pair.nearEnd.read([setting.local.segment(0, 16)], from: remote, 0, 1)
    #expect(pair.nearRecorder.completion(1)?.status == .success)
    var altered = remote
    altered.length -= 1
    #expect(throws: MemfdNICError.invalidDescriptor) { try pair.farEnd.conceal(altered) }
    try pair.farEnd.conceal(remote)
    #expect(throws: MemfdNICError.invalidDescriptor) { try pair.farEnd.conceal(remote) }
    try pair.nearEnd.write([setting.local.segment(0, 16)], to: remote, 0, 2)
    setting.expectRefused(2)
  }

  @Test(arguments: Kind.allCases)
  func deregisteredMemoryIsOutOfReach(_ kind: Kind) throws {
    let setting = try Setting(kind)
    let pair = setting.pair
    let remote = try pair.farEnd.expose(
      setting.remote.range, key: setting.remote.key, access: .readWrite)
    try pair.nearEnd.read([setting.local.segment(0, 16)], from: remote, 0, 1)
    #expect(pair.nearRecorder.completion(1)?.status == .success)
    #expect(setting.remote.deregister())
    try pair.nearEnd.write([setting.local.segment(0, 16)], to: remote, 0, 2)
    setting.expectRefused(2)
    #expect(throws: MemfdNICError.self) {
      try pair.farEnd.expose(setting.remote.range, key: setting.remote.key, access: .read)
    }
  }

  @Test(arguments: Kind.allCases)
  func aLocalRegistrationThatGoesMeanwhileIsNoticed(_ kind: Kind) throws {
    let setting = try Setting(kind)
    let pair = setting.pair
    try pair.farEnd.receive([setting.remote.segment(0, 100)], 7)
    #expect(setting.remote.deregister())
    try pair.nearEnd.send([setting.local.segment(0, 10)], 1)
    #expect(pair.farRecorder.completion(7)?.status == .localProtectionError)
    #expect(pair.farRecorder.wait { $0.disconnections == [.localProtectionError] })
    #expect(pair.nearRecorder.wait { $0.disconnections == [.connectionReset] })
  }

  @Test func aMemfdThatCouldShrinkIsNotMapped() throws {
    let pair = try Pair()
    let number = CLinuxMemory_memfd("unsealed", 4096)
    defer { close(number) }
    let range = AddressRange(start: 0x1000, end: 0x2000)
    #expect(throws: MemfdNICError.unsealedMemory) {
      try pair.near.register(
        range, backing: .mapped(alias: 0x1000, descriptor: number, offset: 0))
    }
    _ = CLinuxMemory_add_seals(number, CLinuxMemory_seal_shrink)
    #expect(throws: MemfdNICError.unsealedMemory) {
      try pair.near.register(
        range, backing: .mapped(alias: 0x1000, descriptor: number, offset: 1))
    }
  }
}
