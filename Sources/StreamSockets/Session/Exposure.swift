import SocketsSwitch
import VirtualMemory

/// The part of a buffer that the peer may read at the moment.
struct Exposure: ~Copyable {
  private var registration: RDMAMemoryRegistration?
  /// Which bytes of the buffer.
  private(set) var range = 0..<0
  private(set) var descriptor: RDMADescriptor?

  /// Exposes the byte at `offset` and what follows, as far as there is room; false where it cannot
  /// be pinned.
  mutating func cover(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, on socket: SwitchSocket
  ) throws(StreamError) -> Bool {
    if range.contains(offset) { return true }
    // First, for the room that it takes.
    guard end() else { throw .protocolViolation("a read after its end") }
    let rest = UnsafeMutableRawBufferPointer(
      mutating: UnsafeRawBufferPointer(rebasing: bytes[offset...]))
    let registered = try largest(of: rest) { (part) throws(SwitchError) in
      try socket.registerRDMAMemory(part, access: .read)
    }
    guard let registered else { return false }
    range = offset..<(offset + Int(registered.range.length))
    descriptor = registered.descriptor
    registration = consume registered
    return true
  }

  /// Takes the buffer away from the peer; false where it is still inside, although it had said that
  /// it was done.
  mutating func end() -> Bool {
    range = 0..<0
    guard let registration = registration.take() else { return true }
    do throws(SwitchError) {
      try registration.deregister()
      return true
    } catch {
      // With the socket closed nothing is exposed.
      return error.meaning == .closed
    }
  }
}

/// Registers the beginning of a buffer: as much of it as can be at a time; nil where nothing can.
func largest<Registration: ~Copyable>(
  of buffer: UnsafeMutableRawBufferPointer,
  _ register: (UnsafeMutableRawBufferPointer) throws(SwitchError) -> Registration
) throws(StreamError) -> Registration? {
  var last = Int.max
  for limit in Limits.exposureByteCounts where min(limit, buffer.count) < last {
    last = min(limit, buffer.count)
    do throws(SwitchError) {
      return try register(UnsafeMutableRawBufferPointer(rebasing: buffer[..<last]))
    } catch {
      if error.meaning != .noRoom { throw StreamError(error) }
    }
  }
  return nil
}
