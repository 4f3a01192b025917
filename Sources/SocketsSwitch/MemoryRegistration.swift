import CWinsockDirect
public import VirtualMemory

/// A buffer that is registered for this side of a connection: the source of sends and RDMA writes,
/// the target of receives and RDMA reads.
///
/// Released when it goes out of scope; by then transfers that use it must have completed.
public struct MemoryRegistration: ~Copyable, @unchecked Sendable {
  private let socket: CompanionSocket
  private let handle: HANDLE
  private var isReleased = false
  /// What is registered.
  public let range: AddressRange

  init(_ socket: CompanionSocket, _ handle: HANDLE, _ range: AddressRange) {
    self.socket = socket
    self.handle = handle
    self.range = range
  }

  deinit {
    if isReleased { return }
    // Where it fails the memory is in use, and the provider releases it when the socket closes.
    _ = try? Self.deregister(socket, handle)
  }

  /// Releases the registration now.
  ///
  /// Throws `.refused` with WSAEINVAL where a transfer still uses the memory; the provider then
  /// releases it when the socket closes.
  public consuming func deregister() throws(SwitchError) {
    isReleased = true
    try Self.deregister(socket, handle)
  }

  private static func deregister(
    _ socket: CompanionSocket, _ handle: HANDLE
  ) throws(SwitchError) {
    try socket.perform(.deregisterMemory) { descriptor, error in
      socket.library.functions.deregisterMemory(descriptor, handle, &error)
    }
  }

  /// The whole buffer, as a source or target of RDMA.
  public var whole: MemorySegment { segment(at: 0, length: range.length) }

  /// `length` bytes of the buffer from byte `offset`; a precondition is that it has them.
  public func segment(at offset: UInt, length: UInt) -> MemorySegment {
    precondition(
      offset <= range.length && length <= range.length - offset, "a segment outside its buffer")
    return MemorySegment(
      handle: handle, address: range.start + offset, length: UInt32(length))
  }
}
