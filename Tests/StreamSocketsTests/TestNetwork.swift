import CAllocationCounter
import CWinsockDirect
import Glibc
import MemfdProvider
import PageTracking
import SocketsSwitch
import TestSupport

/// A switch with the memfd provider of this process.
enum TestNetwork {
  /// The kernel has every address of 127.0.0.0/8, so TCP/IP goes to these, too.
  static let address = IPv4Address("127.99.0.1")!
  static let otherAddress = IPv4Address("127.99.1.1")!
  /// In the first adapter's subnet, but no adapter's.
  static let neighbour = IPv4Address("127.99.0.77")!
  static let adapters = "stream0=127.99.0.1/24,stream1=127.99.1.1/24"

  /// ThreadSanitizer does not bear a hook in a thread that ends. Without any monitor what is sent
  /// would be what the memory was.
  static let monitors: MonitorSet =
    CAllocationCounter_thread_sanitizer ? [.userfaultfd] : [.entries]

  private static let library = Result { try make() }

  /// Starts it, runs `body`, and stops it.
  static func run(
    adapters: String = TestNetwork.adapters, monitors: MonitorSet = TestNetwork.monitors,
    _ body: (SocketsSwitch) throws -> Void
  ) throws {
    setenv("PINDOWN_NICS", adapters, 1)
    defer { unsetenv("PINDOWN_NICS") }
    let network = try SocketsSwitch.start(providers: [library.get().path], monitors: monitors)
    defer { network.stop() }
    try body(network)
  }

  /// A switch without any provider.
  static func runWithoutProvider(_ body: (SocketsSwitch) throws -> Void) throws {
    let network = try SocketsSwitch.start(providers: [], monitors: [])
    defer { network.stop() }
    try body(network)
  }

  private struct Library: @unchecked Sendable {
    let compiler: TestCompiler
    let path: String
    let handle: UnsafeMutableRawPointer
  }

  private static func make() throws -> Library {
    let compiler = try TestCompiler()
    let path = try compiler.compile(
      "Tests/Providers/forwarding_provider.c", into: "libforwarding.so",
      ["-shared", "-fPIC", "-I\(compiler.source("Sources/CWinsockDirect/include"))"])
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL),
      let aim = dlsym(handle, "forwarding_aim")
    else { throw TestCompilerError.compiler(0) }
    let function: LPWSPSTARTUPEX = { WSPStartupEx($0, $1, $2, $3, $4) }
    unsafeBitCast(aim, to: (@convention(c) (LPWSPSTARTUPEX) -> Void).self)(function)
    return Library(compiler: compiler, path: path, handle: handle)
  }

  /// Makes the provider a lesser one, as long as `body` runs.
  ///
  /// - Parameters:
  ///   - reads: whether it has WSPRdmaRead; to be said before it is started.
  ///   - most: the most bytes that it registers at a time; WSAENOBUFS for more.
  static func limited(reads: Bool = true, most: Int = .max, _ body: () throws -> Void) throws {
    let limit = unsafeBitCast(
      dlsym(try library.get().handle, "forwarding_limit"),
      to: (@convention(c) (Int32, UInt) -> Void).self)
    limit(reads ? 1 : 0, UInt(most))
    defer { limit(1, UInt(Int.max)) }
    try body()
  }
}
