import Inspection
import VirtualMemory

/// `processes/<pid>/sockets/`: the sockets of a process.
enum SocketFiles {
  static let folder = NodeDeclaration.directory(
    "sockets", "The sockets of the process, by number.", [socket])

  private static let socket = {
    var file = NodeDeclaration.file(
      "<socket>", .keyed, "A socket: its state, its peer, what waits, what is registered on it.",
      render)
    file.members = { context, _ throws(ControlError) in
      try context.snapshot().sockets.map { socket in
        var subject = context.subject
        subject.socket = socket.index
        return Member(name: "\(socket.index)", subject: subject)
      }
    }
    return file
  }()

  private static let render: NodeDeclaration.Render = { context throws(ControlError) in
    let snapshot = try context.snapshot()
    guard let socket = snapshot.sockets.first(where: { $0.index == context.subject.socket })
    else { throw .gone }
    var text = TextBuffer()
    text.appendLine("generation", snapshot.generation)
    text.appendLine("consistent", Text.yesNo(snapshot.isConsistent))
    text.appendLine("state", state(socket))
    text.appendLine("provider", snapshot.providerName(socket.provider) ?? "-")
    text.appendLine("nic", snapshot.nicName(socket.nic) ?? "-")
    text.appendLine("local", local(socket))
    text.appendLine("remote", remote(socket))
    text.appendLine("peer_process", peer(socket))
    text.appendLine("pending_sends", socket.pendingSends)
    text.appendLine("pending_receives", socket.pendingReceives)
    text.appendLine("registrations", socket.registrations)
    for use in snapshot.registrations where use.socket == UInt32(socket.index) {
      text.appendLine("registration", RegionText.describeUse(use, of: snapshot))
    }
    return text
  }

  static func state(_ socket: SocketSnapshot) -> String {
    switch socket.state {
    case .free: "free"
    case .created: "created"
    case .bound: "bound"
    case .listening: "listening"
    case .connecting: "connecting"
    case .connected: "connected"
    case .disconnected: "disconnected"
    case .closed: "closed"
    case .handedOver: "handed-over"
    }
  }

  static func local(_ socket: SocketSnapshot) -> String {
    endpoint(socket.localAddress, socket.localPort)
  }

  static func remote(_ socket: SocketSnapshot) -> String {
    endpoint(socket.remoteAddress, socket.remotePort)
  }

  /// The number of the process at the other end.
  static func peer(_ socket: SocketSnapshot) -> String {
    socket.peerPID == 0 ? "-" : "\(socket.peerPID)"
  }

  private static func endpoint(_ address: UInt32, _ port: UInt32) -> String {
    address == 0 && port == 0 ? "-" : "\(Text.address4(address)):\(port)"
  }
}
