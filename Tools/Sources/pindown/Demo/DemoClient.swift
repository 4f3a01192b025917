import Glibc
import Pindown

/// The client of the demo: an ordinary program with a buffer from malloc.
final class DemoClient {
  private let network: SocketsSwitch
  private let file: SourceFile
  private var sockets: [SwitchSocket] = []
  /// The server's buffers, one behind each socket.
  private var targets: [RDMADescriptor] = []
  private var buffer: UnsafeMutableRawBufferPointer?
  /// Where the buffer is, or was.
  private var address: UInt = 0

  init(
    _ network: SocketsSwitch, _ servers: [SocketAddress], _ file: SourceFile
  ) throws {
    self.network = network
    self.file = file
    sockets = try servers.map { try network.connect(to: $0, within: .seconds(10)) }
  }

  /// Descriptors travel in any way; here the demo carries them from process to process.
  func aim(at texts: [String]) throws -> [String] {
    targets = try texts.map { RDMADescriptor(bytes: try Hexadecimal.bytes($0)) }
    return []
  }

  /// malloc.
  func allocate() throws -> [String] {
    guard let memory = malloc(SourceFile.byteCount) else { throw ToolError("no memory") }
    address = UInt(bitPattern: memory)
    buffer = UnsafeMutableRawBufferPointer(start: memory, count: SourceFile.byteCount)
    return [Hexadecimal.text(address)]
  }

  /// Fills the buffer from the file; says what is in it.
  func fill(part: Int) throws -> [String] {
    guard let buffer else { throw ToolError("no buffer") }
    try file.read(part: part, into: buffer)
    return [try Checksum.sha256(of: UnsafeRawBufferPointer(buffer))]
  }

  /// Registers the buffer on each socket, writes it to the server through each, and deregisters it;
  /// says how long that took, in nanoseconds, and what the cache did.
  func write() throws -> [String] {
    guard let buffer else { throw ToolError("no buffer") }
    let before = network.statistics
    let begin = Moment.now
    for (socket, target) in zip(sockets, targets) {
      let registration = try socket.registerMemory(buffer, access: .read)
      try socket.rdmaWrite(from: registration, to: target)
      try registration.deregister()
    }
    let elapsed = begin.elapsed
    let after = network.statistics
    return [
      "\(Int(elapsed.inSeconds * 1e9))", "\(after.misses - before.misses)",
      "\(after.hits - before.hits)",
    ]
  }

  /// free.
  func free() -> [String] {
    Glibc.free(buffer?.baseAddress)
    buffer = nil
    return []
  }

  /// Maps new memory where the buffer was.
  func remap() throws -> [String] {
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let start = address & ~(page - 1)
    let length = Int(address - start) + SourceFile.byteCount
    let mapping = mmap(
      UnsafeMutableRawPointer(bitPattern: start), length, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
    guard let mapping, mapping != MAP_FAILED, UInt(bitPattern: mapping) == start else {
      throw ToolError("no memory at \(Hexadecimal.text(start))", errno: errno)
    }
    buffer = UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: address), count: SourceFile.byteCount)
    return [Hexadecimal.text(address)]
  }

  func finish() {
    for socket in sockets { socket.close() }
    network.stop()
  }
}
