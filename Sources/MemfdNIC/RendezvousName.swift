import CMemfdNIC
import Glibc

/// The abstract Unix name that stands for an address and port of the adapters' network.
///
/// It needs no file, belongs to the process that has bound it, and disappears with it.
struct RendezvousName {
  private let text: String

  init(_ address: IPv4Address, port: UInt16) {
    text = "pindown/nic/\(address):\(port)"
  }

  /// 0 or -errno.
  func bind(_ socket: borrowing Descriptor) -> Int32 {
    text.withCString { CMemfdNIC_bind(socket.number, $0, text.utf8.count) }
  }

  /// 0 or -errno.
  func connect(_ socket: borrowing Descriptor) -> Int32 {
    text.withCString { CMemfdNIC_connect(socket.number, $0, text.utf8.count) }
  }

  /// Binds the name of a port, or of a free one where `port` is 0; which it was.
  static func bind(
    _ socket: borrowing Descriptor, _ address: IPv4Address, port: UInt16
  ) throws(MemfdNICError) -> UInt16 {
    if port != 0 {
      try check(RendezvousName(address, port: port).bind(socket))
      return port
    }
    let count = UInt64(UInt16.max - Limits.firstEphemeralPort) + 1
    let first = CMemfdNIC_random() % count
    for step in 0..<count {
      let candidate = Limits.firstEphemeralPort + UInt16((first + step) % count)
      let result = RendezvousName(address, port: candidate).bind(socket)
      if result == -addressInUse { continue }
      try check(result)
      return candidate
    }
    throw .addressInUse
  }

  private static func check(_ result: Int32) throws(MemfdNICError) {
    if result == -addressInUse { throw .addressInUse }
    if result < 0 { throw .system(errno: -result) }
  }

  private static var addressInUse: Int32 { EADDRINUSE }
}
