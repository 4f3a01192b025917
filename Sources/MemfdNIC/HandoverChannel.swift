import CLinuxMemory
import CMemfdNIC
import Glibc

/// The socket between the two processes of a handover. No wait on it is without bound.
struct HandoverChannel: ~Copyable {
  private let socket: Descriptor

  init(_ socket: consuming Descriptor) {
    self.socket = socket
  }

  /// False where the other process has gone. A channel always has room for its few messages.
  func send(_ message: HandoverMessage, descriptors: [Int32] = []) -> Bool {
    var message = message
    return CMemfdNIC_send(
      socket.number, &message, HandoverMessage.byteCount, nil, 0, descriptors,
      Int32(descriptors.count)) == HandoverMessage.byteCount
  }

  /// The next message, if it is of the kind; nil for any other, for one that does not come in
  /// time, and where the other process has gone.
  ///
  /// - Parameter descriptors: What came with it; the caller's to close.
  func receive(
    _ kind: HandoverMessage.Kind, descriptors: inout [Int32]
  ) -> HandoverMessage? {
    guard waitUntilReadable() else { return nil }
    var message = HandoverMessage()
    var numbers = [Int32](repeating: -1, count: Int(CMemfdNIC_maximum_descriptors))
    var count: Int32 = 0
    let bytes = CMemfdNIC_receive(
      socket.number, &message, HandoverMessage.byteCount, nil, 0, &numbers, &count)
    descriptors = Array(numbers.prefix(Int(count)))
    return bytes == HandoverMessage.byteCount && message.is(kind) ? message : nil
  }

  private func waitUntilReadable() -> Bool {
    let deadline = CLinuxMemory_monotonic() + Limits.handoverNanoseconds
    while true {
      let now = CLinuxMemory_monotonic()
      if now >= deadline { return false }
      var wanted = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      let milliseconds = Int32((deadline - now) / 1_000_000) + 1
      if poll(&wanted, 1, milliseconds) == 1 { return true }
    }
  }
}
