import Glibc
import Pindown

/// A connection of this process with itself over a NIC, and memory at its far end.
final class CoverageLink {
  let socket: SwitchSocket
  private let far: SwitchSocket
  private let exposed: RDMAMemoryRegistration
  private let segment: MemfdSegment
  /// Registrations that are kept during the change.
  var held: [CoverageRegistration] = []

  static let byteCount = 65_536

  /// One over each of the first two NICs.
  static func all(_ network: SocketsSwitch) throws -> [CoverageLink] {
    let adapters = network.adapters.map(\.address)
    guard adapters.count >= 2 else { throw ToolError("two NICs are needed; see PINDOWN_NICS") }
    return try adapters.prefix(2).map { try CoverageLink(network, $0) }
  }

  private init(_ network: SocketsSwitch, _ address: IPv4Address) throws {
    let listener = try network.listen(at: SocketAddress(address, port: 0))
    let accepting = Accepting(listener)
    let thread = SystemThread { accepting.run() }
    defer { thread.join() }
    socket = try network.connect(
      to: listener.address, from: address, within: .seconds(10))
    guard let accepted = accepting.wait() else { throw ToolError("the connection is not accepted") }
    far = accepted
    segment = try MemfdSegment(byteCount: UInt(Self.byteCount))
    let buffer = UnsafeMutableRawBufferPointer(start: segment.baseAddress, count: Self.byteCount)
    exposed = try far.registerRDMAMemory(buffer, access: .readWrite)
  }

  var target: RDMADescriptor { exposed.descriptor }

  /// The far end's memory.
  var memory: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: segment.baseAddress, count: Self.byteCount)
  }
}

/// The accepting side, on a thread of its own.
private final class Accepting: @unchecked Sendable {
  private let listener: Listener
  private var accepted: SwitchSocket?
  private var lock = pthread_mutex_t()
  private var changed = pthread_cond_t()
  private var isDone = false

  init(_ listener: Listener) {
    self.listener = listener
    pthread_mutex_init(&lock, nil)
    pthread_cond_init(&changed, nil)
  }

  func run() {
    let socket = try? listener.accept(within: .seconds(10))
    pthread_mutex_lock(&lock)
    accepted = socket
    isDone = true
    pthread_cond_broadcast(&changed)
    pthread_mutex_unlock(&lock)
  }

  func wait() -> SwitchSocket? {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    while !isDone { pthread_cond_wait(&changed, &lock) }
    return accepted
  }
}
