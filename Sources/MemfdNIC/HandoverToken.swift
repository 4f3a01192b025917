import CMemfdNIC

/// What names a connection that is handed over, on this machine and until it is taken.
package struct HandoverToken: RawRepresentable, Equatable, Sendable {
  /// Never 0.
  package let rawValue: UInt32

  package init?(rawValue: UInt32) {
    if rawValue == 0 { return nil }
    self.rawValue = rawValue
  }

  /// One that nobody can guess.
  static func random() -> HandoverToken {
    while true {
      if let token = HandoverToken(rawValue: UInt32(truncatingIfNeeded: CMemfdNIC_random())) {
        return token
      }
    }
  }

  /// The abstract Unix name at which the connection is fetched.
  private var name: String { "pindown/handover/\(rawValue)" }

  /// Binds, or connects, a socket to the name: 0 or -errno.
  func bind(_ socket: borrowing Descriptor) -> Int32 {
    let name = name
    return name.withCString { CMemfdNIC_bind(socket.number, $0, name.utf8.count) }
  }

  func connect(_ socket: borrowing Descriptor) -> Int32 {
    let name = name
    return name.withCString { CMemfdNIC_connect(socket.number, $0, name.utf8.count) }
  }
}
