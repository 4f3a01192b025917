import CLinuxMemory
import Glibc
import MemfdNIC
import Testing
import VirtualMemory

/// Peers in another process, that stop or die in the middle.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct PeerProcessTests {
  /// This process's end, with a buffer that the peer is told about in the first message.
  final class Server {
    let pins: PinTable
    let nic: MemfdNIC
    let recorder = Recorder()
    let listener: Listener
    let end: QueuePair
    let buffer: Buffer

    init(_ kind: Kind, third: Int) throws {
      pins = try PinTable()
      let address = try #require(IPv4Address("10.97.\(third).1"))
      nic = try MemfdNIC(
        NICConfiguration(name: "server", address: address, prefixLength: 24), index: 6,
        provider: 0, pins: pins, mode: .strict)
      let recorder = recorder
      listener = try nic.listen(port: 0, backlog: 1) { recorder.note { $0.requests += 1 } }
      end = try nic.makeQueuePair(handlers: recorder.handlers)
      buffer = try Buffer(kind, bytes: 1 << 20, at: nic, pins: pins)
    }

    /// Accepts the child, tells it where to write, and says which process it is.
    func accept() throws -> Int32 {
      try #require(recorder.wait { $0.requests == 1 })
      let request = try #require(listener.nextRequest())
      let child = request.peerPID
      try #require(child != getpid())
      try request.accept(as: end)
      #expect(end.peerPID == child)
      var remote = try end.expose(buffer.range, key: buffer.key, access: .readWrite)
      withUnsafeBytes(of: &remote) { buffer.bytes.copyMemory(from: $0) }
      try end.receive([buffer.segment(4096, 16)], 1)
      try end.send([buffer.segment(0, UInt32(RemoteDescriptor.byteCount))], 2)
      return child
    }

    deinit {
      nic.shutDown()
    }
  }

  /// What the child does: connects, gets the descriptor, and keeps writing.
  static func client(_ address: UInt32, _ port: UInt16, _ ending: @Sendable () -> Void) throws {
    let pins = try PinTable()
    let nic = try MemfdNIC(
      NICConfiguration(name: "c", address: IPv4Address("10.96.0.1")!, prefixLength: 8), index: 0,
      provider: 0, pins: pins, mode: .strict)
    let recorder = Recorder()
    let end = try nic.makeQueuePair(handlers: recorder.handlers)
    let buffer = try Buffer(.pinned, bytes: 1 << 20, at: nic, pins: pins)
    try end.receive([buffer.segment(0, 64)], 1)
    try end.connect(to: IPv4Address(rawValue: address), port: port, localPort: 0)
    guard recorder.completion(1)?.status == .success else { exit(3) }
    guard end.peerPID == getppid() else { exit(6) }
    let remote = buffer.bytes.loadUnaligned(as: RemoteDescriptor.self)
    for round in 0..<4 { try end.write([buffer.segment(0, 1 << 20)], to: remote, 0, UInt64(round)) }
    guard recorder.completion(3)?.status == .success else { exit(4) }
    for round in 4..<200 {
      try end.write([buffer.segment(0, 1 << 20)], to: remote, 0, UInt64(round))
    }
    try end.send([buffer.segment(0, 1)], 200)
    ending()
    _ = recorder.wait { !$0.disconnections.isEmpty }
    exit(recorder.seen.completions.count == 202 ? 0 : 5)
  }

  @Test(arguments: Kind.allCases)
  func aPeerThatIsKilledResetsTheConnection(_ kind: Kind) async throws {
    let server = try Server(kind, third: kind == .pinned ? 1 : 2)
    let address = server.nic.configuration.address.rawValue
    let port = server.listener.port
    async let child: Void = {
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [
          address = address as UInt32, port = port as UInt16
        ] in
        try Self.client(address, port) { kill(getpid(), SIGKILL) }
      }
    }()
    _ = try server.accept()
    #expect(server.recorder.wait { $0.disconnections == [.connectionReset] })
    #expect(server.recorder.statuses(1) == [.reset])
    #expect(server.buffer.deregister())
    await child
  }

  /// A peer that is stopped in the middle: closing is prompt, invalidating is bounded, and when it
  /// dies nothing is left of it.
  @Test(arguments: Kind.allCases)
  func aPeerThatIsStoppedHoldsUpNobody(_ kind: Kind) async throws {
    let server = try Server(kind, third: kind == .pinned ? 3 : 4)
    let address = server.nic.configuration.address.rawValue
    let port = server.listener.port
    async let child: Void = {
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [
          address = address as UInt32, port = port as UInt16
        ] in
        try Self.client(address, port) { raise(SIGSTOP) }
      }
    }()
    let pid = try server.accept()
    defer { kill(pid, SIGKILL) }
    try #require(Self.waitUntilStopped(pid))
    for context in 10..<200 {
      try server.end.send([server.buffer.segment(0, 65_536)], UInt64(context))
    }
    let before = CLinuxMemory_monotonic()
    server.end.close()
    #expect(CLinuxMemory_monotonic() - before < 2_000_000_000)
    #expect(server.recorder.seen.completions.count == 192)
    #expect(server.recorder.statuses(1) == [.aborted])
    #expect(server.recorder.statuses(199) == [.aborted])
    // It may have been stopped inside mapped memory; then this is not over before it dies.
    let isOut = server.buffer.deregister()
    kill(pid, SIGKILL)
    await child
    #expect(isOut || server.buffer.deregister())
  }

  /// The other side of a close: the peer's handlers hear of it, and everything it had posted ends.
  @Test func aPeerInAnotherProcessHearsOfAClose() async throws {
    let server = try Server(.mapped, third: 5)
    let address = server.nic.configuration.address.rawValue
    let port = server.listener.port
    async let child: Void = {
      await #expect(processExitsWith: .exitCode(0)) {
        [
          address = address as UInt32, port = port as UInt16
        ] in
        try Self.client(address, port) {}
      }
    }()
    _ = try server.accept()
    #expect(server.recorder.completion(1)?.status == .success)
    server.end.close()
    await child
  }

  /// Connections leave nothing behind: no descriptor, no thread, no mapping. (In a process of its
  /// own, where nothing else comes and goes.)
  @Test func nothingIsLeftOfAConnection() async {
    await #expect(processExitsWith: .exitCode(0)) {
      func connectOnce() throws {
        let pair = try Pair()
        let buffer = try pair.buffer(.mapped, bytes: 65_536, at: pair.far)
        let local = try pair.buffer(.pinned, bytes: 65_536, at: pair.near)
        let remote = try pair.farEnd.expose(buffer.range, key: buffer.key, access: .write)
        try pair.nearEnd.write([local.segment(0, 65_536)], to: remote, 0, 1)
        guard pair.nearRecorder.completion(1)?.status == .success else { exit(1) }
      }
      for _ in 0..<3 { try connectOnce() }
      let before = (Self.count("/proc/self/fd"), Self.count("/proc/self/task"))
      for _ in 0..<20 { try connectOnce() }
      let after = (Self.count("/proc/self/fd"), Self.count("/proc/self/task"))
      exit(before == after ? 0 : 2)
    }
  }

  private static func count(_ directory: String) -> Int {
    guard let stream = opendir(directory) else { return -1 }
    defer { closedir(stream) }
    var count = 0
    while readdir(stream) != nil { count += 1 }
    return count
  }

  /// Waits until the kernel says that a process is stopped.
  static func waitUntilStopped(_ pid: Int32) -> Bool {
    let deadline = CLinuxMemory_monotonic() + 10_000_000_000
    while CLinuxMemory_monotonic() < deadline {
      if state(pid) == UInt8(ascii: "T") { return true }
      sched_yield()
    }
    return false
  }

  private static func state(_ pid: Int32) -> UInt8? {
    guard let file = fopen("/proc/\(pid)/stat", "r") else { return nil }
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 512)
    let count = fread(&line, 1, line.count, file)
    guard let end = line.prefix(count).lastIndex(of: UInt8(ascii: ")")), end + 2 < count else {
      return nil
    }
    return line[end + 2]
  }
}
