import CLinuxMemory
import Glibc
import SocketsSwitch

/// A socket that waits for connections over TCP/IP.
final class TCPListener: Sendable {
  /// Never port 0.
  let address: SocketAddress
  let descriptor: Descriptor

  /// Listens. `isAdapters` says that the address is an adapter's, and need not be one that the
  /// kernel has: then only the port is taken, so that it is the same everywhere.
  init(at address: SocketAddress, isAdapters: Bool) throws(StreamError) {
    descriptor = Descriptor(try TCPSocket.makeDescriptor())
    self.address = try descriptor.use { (number) throws(StreamError) in
      Self.allow(number, SOL_SOCKET, SO_REUSEADDR)
      if isAdapters { Self.allow(number, Int32(IPPROTO_IP), IP_FREEBIND) }
      guard address.withNative({ bind(number, $0, $1) }) == 0 else {
        throw StreamError(operation: "bind", errno)
      }
      guard listen(number, Int32(Limits.backlog)) == 0 else {
        throw StreamError(operation: "listen", errno)
      }
      guard let bound = SocketAddress.asked({ getsockname(number, $0, &$1) }) else {
        throw StreamError(operation: "getsockname", errno)
      }
      return bound
    }
  }

  private static func allow(_ number: Int32, _ level: Int32, _ option: Int32) {
    var yes: Int32 = 1
    setsockopt(number, level, option, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Takes a connection that is waiting; nil where none is.
  func accept() throws(StreamError) -> StreamSocket? {
    try descriptor.use { (number) throws(StreamError) in
      let accepted = CLinuxMemory_accept(number)
      if accepted >= 0 {
        let socket = TCPSocket(Descriptor(accepted))
        // Without a name it has gone again.
        let peer = SocketAddress.asked { getpeername(accepted, $0, &$1) }
        return peer.map { StreamSocket(socket, peer: $0) }
      }
      switch -accepted {
      // Nothing there, or it has gone again.
      case EAGAIN, EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH:
        return nil
      default: throw .system(operation: "accept", code: -accepted)
      }
    }
  }

  func close() {
    descriptor.end { _ = shutdown($0, Int32(SHUT_RDWR)) }
  }
}
