import CConformance
import CWinsockDirect

// Section 10.5, the second half: the callback in all circumstances.
extension Catalog {
  static let callbacks: [Assertion] = [
    Assertion(56, .inferred, "any overlap with a cached buffer invalidates it") {
      session throws(Failure) in try overlaps(session)
    },
    Assertion(57, .must, "new memory at the same address arrives with its new contents") {
      session throws(Failure) in try newMapping(session)
    },
    Assertion(58, .inferred, "the callback works inside the allocator, and does not use it") {
      session throws(Failure) in try insideAllocator(session)
    },
    Assertion(59, .inferred, "a protection change invalidates, too") {
      session throws(Failure) in try protection(session)
    },
    Assertion(60, .should, "what is cached goes with the last connection that used it") {
      session throws(Failure) in try lastConnection(session)
    },
    Assertion(61, .inferred, "callbacks, registrations and transfers at once", seconds: 30) {
      session throws(Failure) in try Contention.run(session)
    },
  ]

  /// Pieces of memory of 16 pages whose pages 4 to 11 are cached.
  private static let pieces: [(first: Int, count: Int, name: String)] = [
    (6, 2, "its middle"), (0, 16, "more than it"), (2, 4, "across its beginning"),
    (10, 4, "across its end"), (4, 8, "all of it"),
  ]

  private static func overlaps(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    for piece in pieces {
      let memory = try pair.near.party.makeMemory(pages: 16)
      let buffer = memory.part(4 * 4096, 8 * 4096)
      _ = try pair.near.party.callBack(buffer)
      let before = try pair.near.party.pinnedBytes()
      try expect(try pair.near.registered(buffer).deregister(), 0, "WSPDeregisterMemory")
      let answer = try pair.near.party.callBack(memory.part(piece.first * 4096, piece.count * 4096))
      try expect(answer.error, 0, "the callback on a cached buffer, \(piece.name)")
      let left = try pair.near.party.pinnedBytes() - before
      try expect(left <= 0, "nothing pinned after the callback, \(piece.name)", "\(left) bytes")
      try expect(
        try pair.near.party.callBack(buffer).error, WSAEINVAL,
        "the callback on the buffer after one on \(piece.name)")
    }
  }

  private static func newMapping(_ session: Session) throws(Failure) {
    for adapter in try session.addresses().indices.prefix(2) {
      let pair = try session.pair(adapter: adapter)
      let target = try pair.far.party.makeMemory(pages: 8)
      let remote = try pair.far.exposed(target, MEM_WRITE)
      for (generation, piece) in pieces.enumerated() {
        let memory = try pair.near.party.makeMemory(pages: 16)
        let buffer = memory.part(4 * 4096, 8 * 4096)
        try buffer.fill(100)
        // Cached both ways: for our own transfers, and for the peer's.
        try expect(try pair.near.registered(buffer).deregister(), 0, "WSPDeregisterMemory")
        let former = try pair.near.exposed(buffer, MEM_READWRITE)
        try expect(try pair.near.conceal(former), 0, "WSPDeregisterRdmaMemory")
        let changed = memory.part(piece.first * 4096, piece.count * 4096)
        _ = try pair.near.party.callBack(changed)
        try changed.replacePages()
        try buffer.fill(generation)
        let handle = try pair.near.registered(buffer, MEM_READ)
        try expectMoved(
          try pair.near.move(.write, [handle.segment()], remote), buffer.length,
          "WSPRdmaWrite of new memory, \(piece.name) changed")
        try target.expect(generation, "the new contents at the peer, \(piece.name) changed")
        try expect(try handle.deregister(), 0, "WSPDeregisterMemory")
        let exposed = try pair.near.exposed(buffer, MEM_WRITE)
        try expectMoved(
          try write(buffer.length, pair.far, to: exposed, seed: 200), buffer.length,
          "WSPRdmaWrite to new memory, \(piece.name) changed")
        try buffer.expect(200, "the peer's data in the new pages, \(piece.name) changed")
      }
    }
  }

  private static func insideAllocator(_ session: Session) throws(Failure) {
    if !CConformance_sees_allocations {
      throw .notApplicable("a sanitizer has taken the allocator's place")
    }
    let pair = try session.pair()
    let here = pair.near.party
    for holds in [false, true] {
      let (memory, _, _) = try cached(session, pair.near)
      let inUse = try here.makeMemory(pages: 2)
      _ = try pair.near.registered(inUse)
      _ = try pair.near.exposed(inUse, MEM_READWRITE)
      let stranger = try here.makeMemory(pages: 1)
      for (range, name) in [
        (memory, "a cached range"), (inUse, "a range in use"), (stranger, "a range unknown to it"),
      ] {
        let answer = try here.callBack(range, holdsAllocator: holds)
        try expect(
          answer.allocatorCalls == 0, "a callback on \(name) that leaves the allocator alone",
          "\(answer.allocatorCalls) calls of malloc or free")
        try expect(
          answer.microseconds < 2_000_000,
          "a callback on \(name) that ends while others wait for the allocator",
          "\(answer.microseconds / 1000) milliseconds")
      }
    }
  }

  private static func protection(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let (memory, pinned, before) = try cached(session, pair.near)
    let range = [memory.memory, memory.offset, memory.length]
    // As the switch has it before mprotect(PROT_READ).
    let answer = try here.callBack(memory)
    if answer.error == WSAEINVAL && pinned == 0 {
      throw .notApplicable("the provider does not keep what is deregistered")
    }
    try expect(answer.error, 0, "the callback before a protection change")
    let left = try here.pinnedBytes() - before
    try expect(left <= 0, "nothing pinned after the callback", "\(left) bytes")
    try here.ask(.protect, range + [1])
    let refused = try pair.near.register(memory, MEM_READWRITE)
    try expect(
      refused.handle == 0, "NULL for memory that has become read-only", "a handle to write it")
    try expect(refused.error, WSAEFAULT, "WSPRegisterMemory of read-only memory to be written")
    try here.ask(.protect, range + [3])
    try exchange(from: pair.near, try pair.near.registered(memory), to: pair.far)
  }

  private static func lastConnection(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let (_, pinned, before) = try cached(session, pair.near)
    if pinned == 0 { throw .notApplicable("nothing stays pinned that is deregistered") }
    let handle = try here.newestHandle()
    try expect(try pair.near.close(), 0, "WSPCloseSocket")
    _ = try here.entries(of: handle, waiting: 2000)
    let left = try here.pinnedBytes() - before
    try expect(left <= 0, "nothing pinned after the last connection has closed", "\(left) bytes")
  }
}
