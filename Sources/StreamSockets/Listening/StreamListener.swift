import Glibc
public import SocketsSwitch
import VirtualMemory

/// Waits for streams: over TCP/IP, and through providers where the address is an adapter's, or is
/// 0.0.0.0.
///
/// Any thread. It closes by `close()`, or when the last reference to it goes; streams that were
/// accepted stay.
public final class StreamListener: Sendable {
  /// Where it listens; never port 0.
  public let address: SocketAddress
  private let tcp: TCPListener
  private let acceptor: Acceptor?
  private let wakeUp: WakeUp
  private let closing = Lock(false)

  /// Listens at `address`. Port 0 takes a free one.
  ///
  /// - Throws: `.addressInUse`, `.addressNotAvailable`, and what else can be wrong.
  public init(
    at address: SocketAddress, through network: SocketsSwitch,
    options: StreamOptions = StreamOptions()
  ) throws(StreamError) {
    try options.check()
    wakeUp = try WakeUp()
    let isAdapters = network.hasAdapter(at: address.address)
    let isServed = isAdapters || address.address == .any && !network.adapters.isEmpty
    let listener: Listener?
    (tcp, listener) = try Self.listen(at: address, network, isAdapters: isAdapters, isServed)
    self.address = tcp.address
    if let listener {
      acceptor = try Acceptor(listener, options, wakeUp)
    } else {
      acceptor = nil
    }
  }

  deinit {
    close()
  }

  /// Listens over TCP/IP first, then at the providers at the same port (spec section 5.4).
  private static func listen(
    at address: SocketAddress, _ network: SocketsSwitch, isAdapters: Bool, _ isServed: Bool
  ) throws(StreamError) -> (TCPListener, Listener?) {
    var attempt = 1
    while true {
      let tcp = try TCPListener(at: address, isAdapters: isAdapters)
      if !isServed { return (tcp, nil) }
      do throws(SwitchError) {
        return (tcp, try network.listen(at: tcp.address))
      } catch {
        switch error.meaning {
        // Somebody else has this port at a provider.
        case .addressInUse, .noRoom:
          if address.port != 0 || attempt == Limits.portAttempts { throw .addressInUse }
          attempt += 1
        // Without its companions the socket is one of TCP/IP alone (spec section 5.2), which is of
        // no use where only an adapter has the address.
        default:
          if isAdapters { throw StreamError(error) }
          return (tcp, nil)
        }
      }
    }
  }

  /// Whether connections through providers are accepted, beside those over TCP/IP.
  public var listensAtProviders: Bool { acceptor != nil }

  /// Accepts the next stream.
  ///
  /// - Throws: `.timedOut` where none came, `.closed` after `close()`.
  public func accept(within timeout: Duration = .seconds(30)) throws(StreamError) -> StreamSocket {
    let deadline = Deadline(after: timeout)
    while true {
      wakeUp.clear()
      if closing.withLock({ $0 }) {
        // For another thread that waits.
        wakeUp.signal()
        throw .closed
      }
      if let socket = acceptor?.next() {
        // There may be more, for another thread.
        wakeUp.signal()
        return socket
      }
      if let socket = try tcp.accept() { return socket }
      let isThere = try wakeUp.descriptor.use { (event) throws(StreamError) in
        try tcp.descriptor.use { (number) throws(StreamError) in
          Polling.wait(for: [(event, POLLIN), (number, POLLIN)], until: deadline)
        }
      }
      if !isThere { throw .timedOut(byteCount: 0) }
    }
  }

  /// Stops listening. Who waits in `accept` is told.
  public func close() {
    let isFirst = closing.withLock { closing in
      defer { closing = true }
      return !closing
    }
    if !isFirst { return }
    tcp.close()
    acceptor?.close()
    wakeUp.signal()
  }
}
