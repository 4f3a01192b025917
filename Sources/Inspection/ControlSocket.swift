import CInspection
import Glibc

/// An abstract Unix socket of whole messages, and who is at its other end.
enum ControlSocket {
  static func make() throws(InspectionError) -> Int32 {
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    if descriptor < 0 { throw .system(errno: errno) }
    return descriptor
  }

  /// Calls `body` with the address of a name in the abstract name space.
  static func withAddress<Result>(
    _ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(name.utf8)
    precondition(
      bytes.count < MemoryLayout.size(ofValue: address.sun_path), "a socket name is too long")
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      for (index, byte) in bytes.enumerated() { path[index + 1] = byte }
    }
    let length = MemoryLayout<sa_family_t>.size + 1 + bytes.count
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }

  /// The process at the other end, from the kernel.
  static func peer(of descriptor: Int32) -> CInspection_peer? {
    var peer = CInspection_peer()
    return CInspection_peer_of(descriptor, &peer) == 0 ? peer : nil
  }

  /// Bounds every later send, receive and connect.
  static func setTimeout(_ descriptor: Int32, milliseconds: Int32) {
    var timeout = timeval(
      tv_sec: Int(milliseconds / 1000), tv_usec: Int(milliseconds % 1000) * 1000)
    let length = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, length)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, length)
  }

  /// Sends one message; false with errno where it could not.
  static func send(_ descriptor: Int32, _ text: String) -> Bool {
    let bytes = Array(text.utf8.prefix(Limits.controlMessageBytes))
    while true {
      let sent = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      if sent >= 0 { return true }
      if errno != EINTR { return false }
    }
  }

  /// Receives one message; nil with errno where none came, empty where the other end closed.
  static func receive(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: Limits.controlMessageBytes)
    while true {
      let length = recv(descriptor, &bytes, bytes.count, 0)
      if length >= 0 { return String(decoding: bytes[..<length], as: UTF8.self) }
      if errno != EINTR { return nil }
    }
  }
}
