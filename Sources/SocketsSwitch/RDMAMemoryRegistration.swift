import CWinsockDirect
public import VirtualMemory

/// A buffer that is registered for the peer of a connection, which may reach it by RDMA.
///
/// Released when it goes out of scope: after that the peer cannot reach it.
public struct RDMAMemoryRegistration: ~Copyable, Sendable {
  private let socket: CompanionSocket
  private var isReleased = false
  /// What the peer needs in order to reach the buffer.
  public let descriptor: RDMADescriptor
  /// What is registered.
  public let range: AddressRange

  init(_ socket: CompanionSocket, _ descriptor: RDMADescriptor, _ range: AddressRange) {
    self.socket = socket
    self.descriptor = descriptor
    self.range = range
  }

  deinit {
    if isReleased { return }
    // Where it fails the peer is inside, and the provider releases it when the socket closes.
    _ = try? Self.deregister(socket, descriptor)
  }

  /// Takes the buffer away from the peer now.
  ///
  /// Throws `.refused` with WSAEINVAL while the peer's RDMA is inside it; the provider then
  /// releases it when the socket closes.
  public consuming func deregister() throws(SwitchError) {
    isReleased = true
    try Self.deregister(socket, descriptor)
  }

  private static func deregister(
    _ socket: CompanionSocket, _ target: RDMADescriptor
  ) throws(SwitchError) {
    var bytes = target.bytes
    try socket.perform(.deregisterRDMAMemory) { descriptor, error in
      bytes.withUnsafeMutableBytes {
        socket.library.functions.deregisterRDMAMemory(
          descriptor, $0.baseAddress, DWORD($0.count), &error)
      }
    }
  }
}
