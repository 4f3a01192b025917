import ArgumentParser
import CTools
import Pindown

/// The second process of the stress tool.
struct StressPeerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stress-peer", shouldDisplay: false)

  @Argument var addresses: [String]
  @Option var provider: [String] = []

  func run() throws {
    CTools_map_large_blocks(Int32(StressCommand.smallestBuffer))
    let (network, listeners) = Role.begin {
      let network = try SocketsSwitch.start(providers: provider)
      let listeners = try addresses.map { text in
        guard let address = IPv4Address(text) else { throw ToolError("\(text) is no address") }
        return try network.listen(at: SocketAddress(address, port: 0), backlog: 64)
      }
      return ((network, listeners), listeners.map { "\($0.address)" })
    }
    var threads: [SystemThread] = []
    Role.serve { words in
      switch words.first {
      case "accept":
        // Connections come one after the other, on each address in turn.
        for index in 0..<(Int(words[1]) ?? 0) {
          let socket = try listeners[index % listeners.count].accept(within: .seconds(30))
          threads.append(SystemThread { StressPartner(socket).run() })
        }
        return []
      case "statistics": return StressReport.words(network.statistics)
      default: throw ToolError("no such command")
      }
    }
    for thread in threads { thread.join() }
    for listener in listeners { listener.close() }
    network.stop()
  }
}
