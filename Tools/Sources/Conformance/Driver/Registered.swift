import CWinsockDirect

/// A buffer with its handle.
struct Registered {
  let socket: Socket
  let buffer: Buffer
  let handle: Int

  /// All of it, or a part.
  func segment(_ offset: Int = 0, _ length: Int? = nil) -> Segment {
    Segment(
      memory: buffer.memory, offset: buffer.offset + offset, length: length ?? buffer.length,
      handle: handle)
  }

  func deregister() throws(Failure) -> INT { try socket.deregister(handle) }
}
