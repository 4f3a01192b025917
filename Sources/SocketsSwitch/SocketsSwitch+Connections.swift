import CWinsockDirect

// Connections: which provider serves an address, and the way to a connected socket.
extension SocketsSwitch {
  /// Listens at `address`: on the adapter that has it, or, for 0.0.0.0, on every provider.
  ///
  /// Port 0 takes a free one. Throws `.noAdapter` where no adapter has the address.
  public func listen(
    at address: SocketAddress, backlog: Int32 = 16
  ) throws(SwitchError) -> Listener {
    let served: [ProviderLibrary]
    if address.address == .any {
      served = libraries
      if served.isEmpty { throw .noAdapter(address.address) }
    } else {
      served = [try adapter({ $0.adapter(at: address.address) }, for: address.address).1]
    }
    if address.port != 0 { return try listen(served, at: address, backlog) }
    // A provider has no way to tell which port it chose, so the choice is made here.
    var refusal = SwitchError.refused(operation: .bind, code: WSAEADDRINUSE)
    for _ in 0..<Self.portAttempts {
      let port = UInt16.random(in: 49152...65535)
      do throws(SwitchError) {
        return try listen(served, at: SocketAddress(address.address, port: port), backlog)
      } catch {
        guard case .refused(_, WSAEADDRINUSE) = error else { throw error }
        refusal = error
      }
    }
    throw refusal
  }

  private static var portAttempts: Int { 64 }

  private func listen(
    _ served: [ProviderLibrary], at address: SocketAddress, _ backlog: Int32
  ) throws(SwitchError) -> Listener {
    var companions: [CompanionSocket] = []
    for library in served {
      let companion = try CompanionSocket(library)
      try companion.bind(to: address)
      companions.append(companion)
    }
    return try Listener(companions, at: address, backlog: backlog)
  }

  /// Whether the address is an adapter's own.
  package func hasAdapter(at address: IPv4Address) -> Bool {
    (try? adapter({ $0.adapter(at: address) }, for: address)) != nil
  }

  /// Whether an adapter serves the subnet of the address.
  package func reaches(_ address: IPv4Address) -> Bool {
    (try? adapter({ $0.route(to: address) }, for: address)) != nil
  }

  /// Connects to `destination` through the adapter that serves it, or the one that `source` names.
  ///
  /// - Throws: `.noAdapter` where no adapter serves it, `.timedOut` where the peer did not answer
  ///   in time, `.refused` with WSAECONNREFUSED or WSAECONNRESET where nobody listens.
  public func connect(
    to destination: SocketAddress, from source: IPv4Address? = nil, within timeout: Duration
  ) throws(SwitchError) -> SwitchSocket {
    let (adapter, library) =
      if let source {
        try adapter({ $0.adapter(at: source) }, for: source)
      } else {
        try adapter({ $0.route(to: destination.address) }, for: destination.address)
      }
    let deadline = Deadline(after: timeout)
    let companion = try CompanionSocket(library)
    try companion.bind(to: SocketAddress(adapter.address, port: 0))
    let event = try SwitchEvent()
    try companion.select(FD_CONNECT, signalling: event.handle)
    try Self.connect(companion, to: destination, event, until: deadline)
    return SwitchSocket(companion, peer: destination)
  }

  /// Asks for the connection and waits for its outcome (spec section 5.3).
  private static func connect(
    _ companion: CompanionSocket, to destination: SocketAddress, _ event: borrowing SwitchEvent,
    until deadline: Deadline
  ) throws(SwitchError) {
    let (result, code) = try companion.call { descriptor, error in
      CompanionSocket.withNative(destination) {
        companion.library.procedures.lpWSPConnect(
          descriptor, $0, $1, nil, nil, nil, nil, &error)
      }
    }
    if result == 0 { return }
    if code != WSAEWOULDBLOCK { throw .refused(operation: .connect, code: code) }
    while event.wait(until: deadline) {
      let outcome = try companion.takeEvent(Int32(FD_CONNECT_BIT), resetting: event.handle)
      if let outcome {
        if outcome == 0 { return }
        throw .refused(operation: .connect, code: outcome)
      }
    }
    throw .timedOut(operation: .connect)
  }
}
