import CWinsockDirect
import Testing
import VirtualMemory

/// Two sockets of this process that are connected with one another over an adapter.
struct ConnectedPair {
  /// The one that connected, and the one that was accepted.
  let near: TestSocket
  let far: TestSocket

  /// Each connection of the tests gets a port of its own.
  private static let lastPort = Lock<UInt16>(20_000)

  static func nextPort() -> UInt16 {
    lastPort.withLock { port in
      port = port == 60_000 ? 20_000 : port + 1
      return port
    }
  }

  init(_ provider: StartedProvider, adapter: Int = 0) throws {
    let text = StartedProvider.addresses[adapter]
    let port = Self.nextPort()
    let event = TestSwitch.shared.makeEvent()
    let listening = try TestSocket(provider)
    try #require(listening.bind(text, port: port) == 0)
    try #require(listening.listen() == 0)
    try #require(listening.select(event, FD_ACCEPT) == 0)
    let connected = TestSwitch.shared.makeEvent()
    near = try TestSocket(provider)
    try #require(near.select(connected, FD_CONNECT) == 0)
    try #require(near.connect(text, port: port) == WSAEWOULDBLOCK)
    try #require(TestSwitch.shared.waitUntilSet(event))
    #expect(try listening.events(event).lNetworkEvents == FD_ACCEPT)
    far = try listening.accept().get().socket
    try #require(TestSwitch.shared.waitUntilSet(connected))
    let result = try near.events(connected)
    #expect(result.lNetworkEvents == FD_CONNECT)
    #expect(result.iErrorCode.4 == 0)
    #expect(listening.close() == 0)
  }

  func close() {
    near.close()
    far.close()
  }
}
