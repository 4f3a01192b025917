import CWinsockDirect
import Glibc

/// A peer that writes a lot into our memory and was stopped in the middle: the process, as SIGSTOP
/// does it. Only so can one be sure that a transfer is under way.
struct StoppedTransfer {
  /// Our socket, and our memory, exposed to the peer.
  let target: Socket
  let memory: Buffer
  let descriptor: [UInt8]
  let length: Int
  /// What the memory was filled with, and what comes.
  static let (before, after) = (1, 2)

  private let source: Socket
  /// The peer's end.
  var peerSocket: Socket { source }
  private let request: Request

  /// Tries until a stop came in the middle.
  static func make(
    _ session: Session, _ kind: MappedMemory.Kind, adapter: Int = 0
  ) throws(Failure) -> StoppedTransfer {
    let pair = try session.pair(
      with: try session.makePeer(named: "the peer that is stopped"), adapter: adapter)
    let limit = try pair.near.option(SO_MAX_RDMA_SIZE)
    let longest = limit.error == 0 ? Int(limit.value & 0xFFFF_FFFF) : 1 << 25
    var length = min(longest, 1 << 25) & ~0xFFF
    var registered = try register(pair, kind, length)
    // An ordinary user may lock less.
    while registered == nil && length > 1 << 20 {
      length /= 2
      registered = try register(pair, kind, length)
    }
    guard let (memory, descriptor, source) = registered else {
      throw .notApplicable("not even 1 MiB can be registered at both ends")
    }
    for _ in 0..<8 {
      try memory.fill(before)
      let request = try pair.far.party.makeRequest()
      request.tellToStart(.write, pair.far, [source.segment()], descriptor)
      let scene = StoppedTransfer(
        target: pair.near, memory: memory, descriptor: descriptor, length: length,
        source: pair.far, request: request)
      if try scene.stopsInTheMiddle() { return scene }
      scene.goOn()
      _ = try scene.end()
    }
    throw .notApplicable("no transfer of \(length) bytes can be stopped in the middle")
  }

  /// Memory of ours that is exposed, and the peer's source; nil where that is too much.
  private static func register(
    _ pair: (near: Socket, far: Socket), _ kind: MappedMemory.Kind, _ length: Int
  ) throws(Failure) -> (memory: Buffer, descriptor: [UInt8], source: Registered)? {
    let source = try pair.far.party.makeMemory(pages: length / 4096, kind)
    try source.fill(after)
    let answer = try pair.far.register(source, MEM_READ)
    if answer.handle == 0 && answer.error == WSAENOBUFS { return nil }
    try expect(answer.handle != 0, "WSPRegisterMemory: a handle", ErrorName.text(answer.error))
    let buffer = Registered(socket: pair.far, buffer: source, handle: answer.handle)
    let memory = try pair.near.party.makeMemory(pages: length / 4096, kind)
    let exposure = try pair.near.expose(memory, MEM_WRITE, room: Exposure.ample)
    if exposure.error == 0 { return (memory, exposure.descriptor, buffer) }
    try expect(exposure.error, WSAENOBUFS, "WSPRegisterRdmaMemory: success or, as it is too much")
    // Nor may it stay in the cache: all processes of a user share what may be locked.
    _ = try buffer.deregister()
    _ = try? pair.far.party.callBack(source)
    return nil
  }

  /// Waits for the first byte, stops the peer, and looks whether the last is still to come. What is
  /// on its way already gets time to arrive.
  private func stopsInTheMiddle() throws(Failure) -> Bool {
    let watch = Stopwatch()
    while try memory.part(0, 1).difference(from: Self.before) == nil {
      if watch.milliseconds > 3000 { return false }
    }
    source.party.signal(SIGSTOP)
    try waitUntilQuiet()
    return try memory.part(length - 1, 1).difference(from: Self.before, place: length - 1) == nil
  }

  /// Waits until nothing more arrives: nobody says when that is, so it is looked at twice.
  private func waitUntilQuiet() throws(Failure) {
    var arrived = -1
    while true {
      let now = try memory.difference(from: Self.after) ?? length
      if now == arrived { return }
      arrived = now
      usleep(30_000)
    }
  }

  /// Lets the peer go on.
  func goOn() { source.party.signal(SIGCONT) }

  /// Waits for the end of the transfer: the error with which it was refused or ended, and the count.
  func end() throws(Failure) -> (error: INT, byteCount: Int) {
    let numbers = try source.party.answer(to: .transfer).numbers
    if INT(numbers[0]) != WSA_IO_PENDING { return (INT(numbers[0]), numbers[1]) }
    return try request.end(source)
  }
}
