import ArgumentParser
import Glibc
import Pindown

/// The server's role in the demo: exposes a buffer to each client on each NIC, and says what is in
/// it when asked.
struct DemoServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo-server", shouldDisplay: false)

  @Option var provider: [String] = []

  func run() throws {
    let listening = Role.begin {
      let network = try SocketsSwitch.start(providers: provider)
      let adapters = network.adapters
      guard adapters.count >= 2 else { throw ToolError("the demo needs two NICs") }
      let listeners = try adapters.prefix(2).map { adapter in
        try network.listen(at: SocketAddress(adapter.address, port: 0))
      }
      return ((network, listeners), listeners.map { "\($0.address)" })
    }
    var targets: [DemoTarget] = []
    Role.serve { words in
      switch words.first {
      case "accept":
        targets = []
        targets = try listening.1.enumerated().map { index, listener in
          try DemoTarget(try listener.accept(within: .seconds(10)), isPinned: index == 0)
        }
        return targets.flatMap { [$0.backing, $0.descriptor] }
      case "digest":
        return try targets.map { try Checksum.sha256(of: UnsafeRawBufferPointer($0.buffer)) }
      case "clear":
        for target in targets { target.buffer.initializeMemory(as: UInt8.self, repeating: 0) }
        return []
      default: throw ToolError("no such command")
      }
    }
    targets = []
    for listener in listening.1 { listener.close() }
    listening.0.stop()
  }
}
