import Glibc
import MemfdNIC
import Testing
import VirtualMemory

/// The adapter goes to the pages that were pinned, not to what is mapped at the address now. That
/// is what makes a registration stale that outlives its mapping, and it must stay so.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct StalenessTests {
  /// Puts a new mapping where the buffer was.
  private func replace(_ buffer: Buffer, with byte: UInt8) throws {
    let start = try #require(UnsafeMutableRawPointer(bitPattern: buffer.range.start))
    let length = Int(buffer.range.length)
    // In one step, lest another test's mapping takes the place.
    let again = mmap(
      start, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
    try #require(again == start)
    memset(start, Int32(byte), length)
  }

  @Test func aStaleSourceSendsTheOldBytes() throws {
    let pair = try Pair(.strict)
    let source = try pair.buffer(.pinned, bytes: 65_536, at: pair.near)
    let target = try pair.buffer(.pinned, bytes: 65_536, at: pair.far)
    source.fill(1)
    try replace(source, with: 0xEE)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .write)
    try pair.nearEnd.write([source.segment(0, 65_536)], to: remote, 0, 1)
    #expect(pair.nearRecorder.completion(1)?.status == .success)
    #expect(target.holds(1, from: 0, at: 0, count: 65_536))
    #expect(source.bytes.allSatisfy { $0 == 0xEE })
    try pair.farEnd.receive([target.segment(0, 100)], 2)
    target.fill(9)
    try pair.nearEnd.send([source.segment(0, 100)], 2)
    #expect(pair.farRecorder.completion(2)?.status == .success)
    #expect(target.holds(1, from: 0, at: 0, count: 100))
  }

  @Test(arguments: DMAMode.allCases)
  func aStaleTargetIsNotWrittenWhereTheApplicationLooks(_ mode: DMAMode) throws {
    let pair = try Pair(mode)
    let source = try pair.buffer(.pinned, bytes: 65_536, at: pair.near)
    let target = try pair.buffer(.pinned, bytes: 65_536, at: pair.far)
    source.fill(1)
    target.fill(2)
    try replace(target, with: 0xEE)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .readWrite)
    // What it reads are the old pages, and what it writes goes there, too.
    try pair.nearEnd.read([source.segment(0, 4096)], from: remote, 0, 1)
    #expect(pair.nearRecorder.completion(1)?.status == .success)
    #expect(source.holds(2, from: 0, at: 0, count: 4096))
    try pair.nearEnd.write([source.segment(4096, 4096)], to: remote, 0, 2)
    try pair.nearEnd.read([source.segment(8192, 4096)], from: remote, 0, 3)
    #expect(pair.nearRecorder.completion(3)?.status == .success)
    #expect(source.holds(1, from: 4096, at: 8192, count: 4096))
    #expect(target.bytes.allSatisfy { $0 == 0xEE })
  }

  /// The counter-test: by its address, the local side of `fast` sees the new bytes.
  @Test func theFastWayGoesByAddress() throws {
    let pair = try Pair(.fast)
    let source = try pair.buffer(.pinned, bytes: 65_536, at: pair.near)
    let target = try pair.buffer(.pinned, bytes: 65_536, at: pair.far)
    source.fill(1)
    try replace(source, with: 0xEE)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .write)
    try pair.nearEnd.write([source.segment(0, 65_536)], to: remote, 0, 1)
    #expect(pair.nearRecorder.completion(1)?.status == .success)
    #expect(target.bytes.allSatisfy { $0 == 0xEE })
  }

  /// Memory that is not there any more ends a fast transfer, not the process.
  @Test(arguments: Kind.allCases)
  func missingLocalMemoryIsAnError(_ remoteKind: Kind) throws {
    let pair = try Pair(.fast)
    let source = try pair.buffer(.pinned, bytes: 65_536, at: pair.near)
    let target = try pair.buffer(remoteKind, bytes: 65_536, at: pair.far)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .write)
    // Gone, but for the addresses, which no other test shall get.
    let nothing = mmap(
      UnsafeMutableRawPointer(bitPattern: source.range.start), Int(source.range.length), PROT_NONE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
    try #require(nothing != MAP_FAILED)
    try pair.nearEnd.write([source.segment(0, 65_536)], to: remote, 0, 1)
    #expect(pair.nearRecorder.completion(1)?.status == .localProtectionError)
    #expect(pair.nearRecorder.wait { $0.disconnections == [.localProtectionError] })
  }
}
