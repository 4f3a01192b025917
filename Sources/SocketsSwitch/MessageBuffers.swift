import VirtualMemory

/// The registered memory of a connection's short messages (spec section 4.2: the switch keeps a
/// pool for them), one message each way at a time.
///
/// The memory is a memfd's, so that messages work where nothing can be pinned.
final class MessageBuffers: Sendable {
  private struct Receiving {
    /// A receive that a time-out left behind: the next call waits for it.
    var pending: Transfer?
  }

  private let companion: CompanionSocket
  private let segment: MemfdSegment
  private let outgoing: MemoryRegistration
  private let incoming: MemoryRegistration
  private let sending = Lock(())
  private let receiving = Lock(Receiving())

  /// Makes and registers the memory; the socket must be connected.
  init(for socket: SwitchSocket) throws(SwitchError) {
    companion = socket.companion
    do throws(VirtualMemoryError) {
      segment = try MemfdSegment(byteCount: UInt(2 * Limits.maximumShortMessageBytes))
    } catch {
      throw .messageMemoryUnavailable(reason: "\(error)")
    }
    outgoing = try socket.registerMemory(Self.half(segment, 0), access: .read)
    incoming = try socket.registerMemory(Self.half(segment, 1), access: .write)
  }

  deinit {
    // A receive that is posted must let go of the memory before the memory goes.
    companion.close()
  }

  private static func half(
    _ segment: borrowing MemfdSegment, _ index: Int
  ) -> UnsafeMutableRawBufferPointer {
    let size = Limits.maximumShortMessageBytes
    return UnsafeMutableRawBufferPointer(start: segment.baseAddress + index * size, count: size)
  }

  func send(
    _ message: [UInt8], on socket: SwitchSocket, within timeout: Duration
  ) throws(SwitchError) {
    if message.count > Limits.maximumShortMessageBytes { throw .messageTooLong }
    try sending.withLock { (_) throws(SwitchError) in
      let buffer = Self.half(segment, 0)
      buffer.copyBytes(from: message)
      try socket.send(
        UnsafeRawBufferPointer(rebasing: buffer[..<message.count]), within: timeout)
    }
  }

  func receive(
    on socket: SwitchSocket, within timeout: Duration
  ) throws(SwitchError) -> [UInt8] {
    try receiving.withLock { (state) throws(SwitchError) in
      let buffer = Self.half(segment, 1)
      let transfer: Transfer
      if let pending = state.pending {
        transfer = pending
      } else {
        transfer = try socket.startReceive(into: buffer)
      }
      state.pending = transfer
      defer { if transfer.isComplete { state.pending = nil } }
      let length = try transfer.wait(within: timeout)
      return Array(buffer[..<length])
    }
  }
}
