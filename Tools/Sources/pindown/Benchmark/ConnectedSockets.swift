import Pindown

/// Both ends of a connection of this process with itself.
struct ConnectedSockets {
  let near: SwitchSocket
  let far: SwitchSocket

  init(_ network: SocketsSwitch, at address: IPv4Address) throws {
    let listener = try network.listen(at: SocketAddress(address, port: 0))
    defer { listener.close() }
    let connecting = Connecting(network, to: listener.address)
    let thread = SystemThread { connecting.run() }
    let accepted = Result { try listener.accept(within: .seconds(10)) }
    thread.join()
    far = try accepted.get()
    near = try connecting.socket()
  }

  /// The end that connects, on a thread of its own. The result is read once that has ended.
  private final class Connecting: @unchecked Sendable {
    private let network: SocketsSwitch
    private let target: SocketAddress
    private var result: Result<SwitchSocket, any Error>?

    init(_ network: SocketsSwitch, to target: SocketAddress) {
      self.network = network
      self.target = target
    }

    func run() {
      result = Result { try network.connect(to: target, within: .seconds(10)) }
    }

    func socket() throws -> SwitchSocket {
      guard let result else { throw ToolError("nothing was connected") }
      return try result.get()
    }
  }
}
