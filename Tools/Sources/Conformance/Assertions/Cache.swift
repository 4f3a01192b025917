import CWinsockDirect

// Section 10.5, the first half: what is kept when it is deregistered, and for how long.
extension Catalog {
  static let cache: [Assertion] = [
    Assertion(51, .should, "registered again, a buffer is not really registered again") {
      session throws(Failure) in try hit(session)
    },
    Assertion(52, .must, "the callback takes a cached range out, and off its pins") {
      session throws(Failure) in try callback(session)
    },
    Assertion(53, .must, "the callback on a range never cached gives WSAEINVAL") {
      session throws(Failure) in try unknownRange(session)
    },
    Assertion(54, .must, "the callback that cannot do its work gives WSAEFAULT", seconds: 40) {
      session throws(Failure) in try impossible(session)
    },
    Assertion(55, .must, "the callback covers every socket and every NIC", seconds: 40) {
      session throws(Failure) in try everySocket(session)
    },
  ]

  /// Bytes that stay pinned when a new buffer is deregistered, and the buffer. Fails as not
  /// applicable where the provider does not offer the callback.
  static func cached(
    _ session: Session, _ socket: Socket, pages: Int = 16
  ) throws(Failure) -> (memory: Buffer, pinned: Int, before: Int) {
    let memory = try socket.party.makeMemory(pages: pages)
    _ = try session.here().callBack(memory)
    let before = try socket.party.pinnedBytes()
    try expect(try socket.registered(memory).deregister(), 0, "WSPDeregisterMemory")
    return (memory, try socket.party.pinnedBytes() - before, before)
  }

  private static func hit(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let near = pair.near
    let memory = try near.party.makeMemory(pages: 16)
    // Without the callback there is no cache that could be found.
    if !session.provider.offersCallback {
      throw .notApplicable("the provider offers no cache callback")
    }
    let before = try near.party.pinnedBytes()
    try expect(try near.conceal(try near.exposed(memory, MEM_WRITE)), 0, "WSPDeregisterRdmaMemory")
    let kept = try near.party.pinnedBytes() - before
    if kept > 0 {
      _ = try near.exposed(memory, MEM_WRITE)
      let more = try near.party.pinnedBytes() - before - kept
      try expect(more == 0, "nothing more pinned by registering again", "\(more) bytes more")
    }
    // Changed without a word, so that a cached registration can be told from a new one: by where
    // the peer's data go.
    let second = try near.party.makeMemory(pages: 1)
    try expect(try near.conceal(try near.exposed(second, MEM_WRITE)), 0, "WSPDeregisterRdmaMemory")
    try second.replacePages()
    let descriptor = try near.exposed(second, MEM_WRITE)
    let written = try write(4096, pair.far, to: descriptor)
    let isFormer = try second.difference(from: 1, inFormerPages: true) == nil
    if written.error == 0 && !isFormer && kept == 0 {
      throw .violated(
        expected: "a registration that is found in the cache", actual: "a new one is made")
    }
  }

  private static func callback(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let near = pair.near
    let (memory, pinned, before) = try cached(session, near)
    let answer = try near.party.callBack(memory)
    if answer.error == WSAEINVAL && pinned == 0 {
      throw .notApplicable("the provider does not keep what is deregistered")
    }
    try expect(answer.error, 0, "the callback on a cached range")
    let left = try near.party.pinnedBytes() - before
    try expect(left <= 0, "nothing pinned for it after the callback", "\(left) bytes")
    try expect(
      try near.party.callBack(memory).error, WSAEINVAL, "the callback a second time")
    // The next registration is a real one: of the pages that are there now.
    try memory.replacePages()
    let descriptor = try near.exposed(memory, MEM_WRITE)
    try expectMoved(
      try write(memory.length, pair.far, to: descriptor), memory.length, "WSPRdmaWrite")
    try memory.expect(1, "data in the pages that are mapped now")
  }

  private static func unknownRange(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    _ = try cached(session, pair.near)
    let stranger = try here.makeMemory(pages: 4)
    for (range, name) in [
      (stranger, "a range that was never registered"), (stranger.part(100, 1), "one byte of it"),
      (.nowhere(here, at: 0x1000, length: 4096), "addresses that are not mapped"),
    ] {
      let answer = try here.callBack(range)
      try expect(
        answer.result == SOCKET_ERROR, "SOCKET_ERROR for \(name)", "\(answer.result)")
      try expect(answer.number, WSAEINVAL, "the callback on \(name)")
    }
  }

  /// A peer that is stopped in the middle of a transfer makes it impossible to unregister; where a
  /// provider can do it all the same, nothing may come afterwards.
  private static func impossible(_ session: Session) throws(Failure) {
    var isImpossible = false
    for kind in [MappedMemory.Kind.shared, .anonymous] {
      let error = try callBackUnderTransfer(session, kind, adapter: 0)
      isImpossible = isImpossible || error == WSAEFAULT
    }
    if !isImpossible {
      throw .notApplicable(
        "unregistering does not fail, even while the peer is stopped in a transfer")
    }
  }

  /// Calls back for memory that a stopped peer is writing to, and lets the peer go on when the
  /// memory has other pages and is registered again. What the callback answered.
  private static func callBackUnderTransfer(
    _ session: Session, _ kind: MappedMemory.Kind, adapter: Int
  ) throws(Failure) -> INT {
    let other = try session.pair()
    let scene = try StoppedTransfer.make(session, kind, adapter: adapter)
    defer { scene.goOn() }
    let answer = try scene.memory.party.callBack(scene.memory)
    try expect(
      answer.error, in: [0, WSAEFAULT], "the callback while the peer's WSPRdmaWrite is under way")
    let arrived = try scene.memory.difference(from: StoppedTransfer.after) ?? scene.length
    try scene.memory.replacePages()
    try scene.memory.fill(3)
    // Whatever the provider has for it is taken again, should the transfer still hold on to it.
    _ = try other.near.register(scene.memory)
    scene.goOn()
    let ended = try scene.end()
    if answer.error == 0 {
      try expectRefusal(ended.error, "a WSPRdmaWrite whose target is gone")
      let rest = scene.memory.part(arrived, scene.length - arrived)
      let changed = try rest.difference(
        from: StoppedTransfer.before, place: arrived, inFormerPages: true)
      try expect(
        changed == nil, "nothing written to the former pages after the callback", "a byte")
    }
    try scene.memory.expect(3, "nothing of the old transfer in the new pages")
    try expectNoUse(scene)
    return answer.error
  }

  /// No use of the old registration succeeds any more.
  private static func expectNoUse(_ scene: StoppedTransfer) throws(Failure) {
    let peer = scene.peerSocket
    let source = try peer.party.makeMemory(pages: 1)
    let answer = try peer.register(source, MEM_READ)
    // Or the connection is over.
    if answer.handle == 0 { return }
    let buffer = Registered(socket: peer, buffer: source, handle: answer.handle)
    let again = try peer.move(.write, [buffer.segment()], scene.descriptor)
    try expectRefusal(again.error, "WSPRdmaWrite with a descriptor whose memory is gone")
  }

  private static func everySocket(_ session: Session) throws(Failure) {
    let adapters = Array(try session.addresses().indices.prefix(2))
    var pairs: [(near: Socket, far: Socket)] = []
    for adapter in adapters + [0] { pairs.append(try session.pair(adapter: adapter)) }
    let here = pairs[0].near.party
    let memory = try here.makeMemory(pages: 4)
    _ = try here.callBack(memory)
    let before = try here.pinnedBytes()
    var handles: [Registered] = []
    var descriptors: [[UInt8]] = []
    for pair in pairs {
      handles.append(try pair.near.registered(memory))
      descriptors.append(try pair.near.exposed(memory, MEM_WRITE))
    }
    try memory.fill(1)
    try expect(
      try here.callBack(memory.part(0, 1)).error, 0, "the callback on a range that is in use")
    let left = try here.pinnedBytes() - before
    try expect(left <= 0, "nothing pinned for it after the callback", "\(left) bytes")
    try memory.replacePages()
    try memory.fill(2)
    for (index, pair) in pairs.enumerated() {
      let name = "the registration on socket \(index + 1), adapter \((adapters + [0])[index] + 1)"
      _ = try write(memory.length, pair.far, to: descriptors[index], seed: 3)
      let former = try memory.difference(from: 1, inFormerPages: true)
      try expect(former == nil, "\(name) to be gone", "the peer reaches the former pages")
      try memory.fill(2)
      // What is sent with it may be refused, or is what is there now.
      let target = try pair.far.party.makeMemory(pages: 4)
      let third = try session.pair(adapter: (adapters + [0])[index])
      let exposed = try pair.far.expose(target, MEM_WRITE, room: Exposure.ample)
      if exposed.error == 0 {
        let sent = try pair.near.move(.write, [handles[index].segment()], exposed.descriptor)
        if sent.error == 0 { try target.expect(2, "\(name) to be gone, or the new contents") }
      }
      try expect(
        try pair.near.deregister(handles[index].handle), in: [0, WSAEINVAL],
        "WSPDeregisterMemory after the callback")
      try third.near.close()
    }
    // Also of a transfer that is under way there.
    for adapter in adapters.dropFirst() {
      for kind in [MappedMemory.Kind.shared, .anonymous] {
        do throws(Failure) {
          _ = try callBackUnderTransfer(session, kind, adapter: adapter)
        } catch {
          // Where none can be caught under way, the rest holds all the same.
          guard case .notApplicable = error else { throw error }
        }
      }
    }
  }
}
