import CWinsockDirect
import Glibc
import VirtualMemory

/// A socket that waits for connections on an adapter, or, at 0.0.0.0, on all of them.
public final class Listener: Sendable {
  /// Where it listens; never port 0.
  public let address: SocketAddress
  private let companions: [CompanionSocket]
  /// The one event that every companion signals.
  private let event: SwitchEvent

  /// Listens with each companion; those are bound already.
  init(
    _ companions: [CompanionSocket], at address: SocketAddress, backlog: Int32
  ) throws(SwitchError) {
    self.companions = companions
    self.address = address
    event = try SwitchEvent()
    for companion in companions {
      try companion.select(FD_ACCEPT, signalling: event.handle)
      try companion.perform(.listen) { descriptor, error in
        companion.library.procedures.lpWSPListen(descriptor, backlog, &error)
      }
    }
  }

  deinit {
    close()
  }

  /// Accepts the next connection, waiting for one up to `timeout`.
  ///
  /// Throws `.timedOut` where none came, `.closed` after `close()`. Any thread.
  public func accept(within timeout: Duration) throws(SwitchError) -> SwitchSocket {
    let deadline = Deadline(after: timeout)
    while true {
      for companion in companions {
        // Taken first: a request that comes after the accept below signals again.
        _ = try companion.takeEvent(Int32(FD_ACCEPT_BIT), resetting: event.handle)
      }
      for companion in companions {
        if let socket = try Self.acceptNow(companion) { return socket }
      }
      if !event.wait(until: deadline) { throw .timedOut(operation: .accept) }
    }
  }

  /// Accepts every request: whom to serve is for the application to say after the accept.
  private static let acceptAll: LPCONDITIONPROC = { _, _, _, _, _, _, _, _ in CF_ACCEPT }

  /// Accepts a connection that is waiting; nil where none is.
  private static func acceptNow(
    _ companion: CompanionSocket
  ) throws(SwitchError) -> SwitchSocket? {
    var peer = sockaddr_in()
    var length = INT(MemoryLayout<sockaddr_in>.size)
    let (descriptor, code) = try withUnsafeMutablePointer(to: &peer) {
      peer throws(SwitchError) in
      try companion.call { descriptor, error in
        peer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          companion.library.procedures.lpWSPAccept(
            descriptor, $0, &length, acceptAll, 0, &error)
        }
      }
    }
    if descriptor == INVALID_SOCKET {
      switch code {
      // The peer gave up meanwhile, or another thread was quicker.
      case WSAEWOULDBLOCK, WSAECONNREFUSED, WSAECONNRESET, WSATRY_AGAIN: return nil
      default: throw .refused(operation: .accept, code: code)
      }
    }
    let socket = CompanionSocket(companion.library, descriptor)
    return SwitchSocket(socket, peer: SocketAddress(peer))
  }

  /// Stops listening. Connections that were accepted stay.
  public func close() {
    for companion in companions { companion.close() }
    // Whoever waits in `accept` looks again, and finds the socket closed.
    _ = EventTable.shared.set(event.handle)
  }
}
