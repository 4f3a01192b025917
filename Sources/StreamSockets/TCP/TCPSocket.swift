import Glibc
import SocketsSwitch

/// A stream over TCP/IP.
final class TCPSocket: Sendable {
  private let descriptor: Descriptor

  /// Makes a socket.
  init() throws(StreamError) {
    descriptor = Descriptor(try Self.makeDescriptor())
  }

  /// Takes a connected socket over.
  init(_ descriptor: Descriptor) {
    self.descriptor = descriptor
  }

  static func makeDescriptor() throws(StreamError) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = socket(AF_INET, kind, Int32(IPPROTO_TCP))
    if number < 0 { throw .system(operation: "socket", code: errno) }
    return number
  }

  func bind(to address: SocketAddress) throws(StreamError) {
    try descriptor.use { (number) throws(StreamError) in
      if address.withNative({ Glibc.bind(number, $0, $1) }) != 0 {
        throw StreamError(operation: "bind", errno)
      }
    }
  }

  func connect(to address: SocketAddress, until deadline: Deadline) throws(StreamError) {
    try descriptor.use { (number) throws(StreamError) in
      if address.withNative({ Glibc.connect(number, $0, $1) }) == 0 { return }
      // Interrupted, it goes on by itself.
      if errno != EINPROGRESS && errno != EINTR { throw StreamError(operation: "connect", errno) }
      guard Polling.wait(for: [(number, POLLOUT)], until: deadline) else {
        throw .timedOut(byteCount: 0)
      }
      var code: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length)
      if code != 0 { throw StreamError(operation: "connect", code) }
    }
  }

  /// Sends what is asked for at once where it can: small messages are not kept back.
  func disableDelay() {
    try? descriptor.use { number in
      var yes: Int32 = 1
      setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  func send(_ bytes: UnsafeRawBufferPointer, until deadline: Deadline) throws(StreamError) {
    try descriptor.use { (number) throws(StreamError) in
      var sent = 0
      while sent < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
        let count = Glibc.send(number, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        if count >= 0 {
          sent += count
        } else if errno == EAGAIN {
          guard Polling.wait(for: [(number, POLLOUT)], until: deadline) else {
            throw .timedOut(byteCount: sent)
          }
        } else if errno != EINTR {
          throw failure("send", errno)
        }
      }
    }
  }

  func receive(
    into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline
  ) throws(StreamError) -> Int {
    if buffer.isEmpty { return 0 }
    return try descriptor.use { (number) throws(StreamError) in
      while true {
        let count = recv(number, buffer.baseAddress, buffer.count, 0)
        if count >= 0 {
          // Closed here, it ends as well.
          if count == 0 && descriptor.isEnded { throw .closed }
          return count
        }
        if errno == EAGAIN {
          guard Polling.wait(for: [(number, POLLIN)], until: deadline) else {
            throw .timedOut(byteCount: 0)
          }
        } else if errno != EINTR {
          throw failure("recv", errno)
        }
      }
    }
  }

  private func failure(_ operation: String, _ code: Int32) -> StreamError {
    descriptor.isEnded ? .closed : StreamError(operation: operation, code)
  }

  /// Says that no more data come.
  func finish() throws(StreamError) {
    try descriptor.use { (number) throws(StreamError) in
      if shutdown(number, Int32(SHUT_WR)) != 0 { throw failure("shutdown", errno) }
    }
  }

  /// Closes; what was sent still leaves.
  func close() {
    descriptor.end { _ = shutdown($0, Int32(SHUT_RDWR)) }
  }

  /// Closes; the peer is told that the connection was reset.
  func abort() {
    descriptor.end { number in
      // Sends the reset at once, and wakes who waits; a close would not while others are inside.
      var nowhere = sockaddr()
      nowhere.sa_family = sa_family_t(AF_UNSPEC)
      _ = Glibc.connect(number, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }
  }
}
