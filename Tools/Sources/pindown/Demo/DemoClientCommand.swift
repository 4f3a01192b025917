import ArgumentParser
import Glibc
import Pindown

/// The client's role in the demo: one buffer, registered on a socket of each NIC.
struct DemoClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo-client", shouldDisplay: false)

  @Argument var file: String
  @Argument var servers: [String]
  @Option var provider: [String] = []

  func run() throws {
    let client = Role.begin {
      let addresses = try servers.map { text in
        guard let address = SocketAddress(text) else {
          throw ToolError("\(text) is no address and port")
        }
        return address
      }
      let network = try SocketsSwitch.start(providers: provider)
      return (try DemoClient(network, addresses, SourceFile(path: file)), [])
    }
    Role.serve { words in
      switch words.first {
      case "aim": return try client.aim(at: Array(words.dropFirst()))
      case "allocate": return try client.allocate()
      case "fill": return try client.fill(part: Int(words[1]) ?? 0)
      case "write": return try client.write()
      case "free": return client.free()
      case "remap": return try client.remap()
      default: throw ToolError("no such command")
      }
    }
    client.finish()
  }
}

extension SocketsSwitch {
  /// With these providers, or the memfd provider where there are none.
  static func start(providers: [String]) throws -> SocketsSwitch {
    try start(
      providers: providers.isEmpty ? [SocketsSwitch.memfdProvider] : providers, monitors: nil)
  }
}

extension SocketAddress {
  /// The address that `text` writes as an address, a colon and a port.
  init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let address = IPv4Address(String(parts[0])),
      let port = UInt16(parts[1])
    else { return nil }
    self.init(address, port: port)
  }
}
