public import SocketsSwitch

/// A stream of bytes to another process: over the adapter of a provider where one serves the way,
/// over TCP/IP otherwise.
///
/// Any thread; one sends and one receives at a time, further calls wait for them. Not for hook
/// context. Buffers may be any memory, and may be freed as soon as a call has returned. It closes by
/// `close()`, or when the last reference to it goes.
public final class StreamSocket: Sendable {
  private enum Carrier: Sendable {
    case session(Session)
    case tcp(TCPSocket)
  }

  /// The other end.
  public let peer: SocketAddress
  private let carrier: Carrier

  init(_ session: Session) {
    peer = session.socket.peer
    carrier = .session(session)
  }

  init(_ socket: TCPSocket, peer: SocketAddress) {
    self.peer = peer
    carrier = .tcp(socket)
    socket.disableDelay()
  }

  deinit {
    close()
  }

  /// What carries the stream; nothing that a program does need depend on it.
  public var transport: StreamTransport {
    switch carrier {
    case .session(let session): .provider(session.socket.provider)
    case .tcp: .tcp
    }
  }

  /// Sends all of the bytes. More than `StreamOptions.rdmaThreshold` are taken straight out of this
  /// memory, where a provider carries the stream.
  ///
  /// - Throws: `.timedOut` with how many were sent by then, after which the stream is as good as
  ///   before; `.stalled` where a peer that takes a large send stops in the middle of it, which is
  ///   waited for beyond the time; `.reset` where the peer is gone; `.finished` after
  ///   `finishSending()`.
  public func send(
    _ bytes: UnsafeRawBufferPointer, within timeout: Duration = .seconds(30)
  ) throws(StreamError) {
    let deadline = Deadline(after: timeout)
    switch carrier {
    case .session(let session): try session.send(bytes, until: deadline)
    case .tcp(let socket): try socket.send(bytes, until: deadline)
    }
  }

  /// Sends the bytes of an array.
  public func send(
    _ bytes: [UInt8], within timeout: Duration = .seconds(30)
  ) throws(StreamError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(StreamError) in
      try send(UnsafeRawBufferPointer(bytes), within: timeout)
    }
  }

  /// Receives what is there, at least one byte, at most as many as the buffer has; 0 when the peer
  /// has finished and everything was received.
  ///
  /// - Throws: `.timedOut` where nothing came; `.reset` where the peer is gone without having
  ///   finished.
  public func receive(
    into buffer: UnsafeMutableRawBufferPointer, within timeout: Duration = .seconds(30)
  ) throws(StreamError) -> Int {
    let deadline = Deadline(after: timeout)
    switch carrier {
    case .session(let session): return try session.receive(into: buffer, until: deadline)
    case .tcp(let socket): return try socket.receive(into: buffer, until: deadline)
    }
  }

  /// Receives up to so many bytes as an array; empty at the end.
  public func receive(
    atMost count: Int, within timeout: Duration = .seconds(30)
  ) throws(StreamError) -> [UInt8] {
    precondition(count >= 0, "a negative count of bytes")
    var failure: StreamError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      do throws(StreamError) {
        initializedCount = try receive(into: UnsafeMutableRawBufferPointer(buffer), within: timeout)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Says that no more will be sent: the peer's `receive` answers 0 after everything before. The
  /// other direction goes on.
  public func finishSending() throws(StreamError) {
    switch carrier {
    case .session(let session): try session.finish()
    case .tcp(let socket): try socket.finish()
    }
  }

  /// Closes the stream in order: what was sent arrives, then the peer's `receive` answers 0. Waits
  /// some seconds at most, for what has not left this side. A second close does nothing.
  public func close() {
    switch carrier {
    case .session(let session): session.close(within: Limits.linger)
    case .tcp(let socket): socket.close()
    }
  }

  /// Closes the stream at once; the peer's calls throw `.reset`.
  public func abort() {
    switch carrier {
    case .session(let session): session.abort()
    case .tcp(let socket): socket.abort()
    }
  }
}
