public import SocketsSwitch

extension StreamSocket {
  /// Connects to `destination`: through a provider where one of its adapters serves the
  /// destination's subnet, over TCP/IP otherwise, and where the provider's connection fails for a
  /// reason that need not hold for TCP/IP.
  ///
  /// - Throws: `.connectionRefused`, `.hostUnreachable`, `.timedOut`, and what else can be wrong.
  public static func connect(
    to destination: SocketAddress, through network: SocketsSwitch,
    within timeout: Duration = .seconds(30), options: StreamOptions = StreamOptions()
  ) throws(StreamError) -> StreamSocket {
    try options.check()
    let deadline = Deadline(after: timeout)
    // The socket that the switch stands for; its companion is made only where it is needed.
    let socket = try TCPSocket()
    if network.reaches(destination.address) {
      let companion = try connectCompanion(to: destination, network, within: timeout)
      if let companion {
        let session = try Session(companion, isAccepting: false, options)
        try session.greet(until: deadline)
        return StreamSocket(session)
      }
    }
    try socket.connect(to: destination, until: deadline)
    return StreamSocket(socket, peer: destination)
  }

  /// A connection through a provider; nil where it is TCP/IP's turn (spec section 5.3). Once there is
  /// one, there is no way back.
  private static func connectCompanion(
    to destination: SocketAddress, _ network: SocketsSwitch, within timeout: Duration
  ) throws(StreamError) -> SwitchSocket? {
    // A part of the time is left for TCP/IP.
    let limit = min(timeout / 2, Limits.companionConnect)
    do throws(SwitchError) {
      return try network.connect(to: destination, within: limit)
    } catch {
      if error.isFinal { throw StreamError(error) }
      return nil
    }
  }
}
