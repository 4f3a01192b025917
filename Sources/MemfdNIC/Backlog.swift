import CLinuxMemory
import Glibc

/// Messages that came before a receive was posted for them: a ring of lengths and bytes, in order.
/// It belongs to the receive thread.
final class Backlog {
  private let memory: UnsafeMutableRawPointer
  private var first = 0
  private var used = 0

  private static let lengthBytes = 8

  init() throws(MemfdNICError) {
    guard let memory = CLinuxMemory_reserve(Limits.backlogBytes) else { throw .exhausted }
    self.memory = memory
  }

  deinit {
    munmap(memory, Limits.backlogBytes)
  }

  var isEmpty: Bool { used == 0 }

  /// Keeps a message; false where there is no room.
  func append(_ bytes: UnsafeRawPointer, count: Int) -> Bool {
    if Limits.backlogBytes - used < Self.lengthBytes + count { return false }
    var length = UInt64(count)
    copyIn(&length, Self.lengthBytes)
    copyIn(bytes, count)
    return true
  }

  /// Moves the oldest message to `buffer`, which has room for the longest one; its length.
  func take(into buffer: UnsafeMutableRawPointer) -> Int {
    precondition(!isEmpty, "no message is kept")
    var length: UInt64 = 0
    copyOut(&length, Self.lengthBytes)
    copyOut(buffer, Int(length))
    return Int(length)
  }

  // MARK: Handing over

  /// Moves all messages, oldest first, into a memfd.
  func save() throws(MemfdNICError) -> Descriptor {
    let number = CLinuxMemory_memfd("pindown-messages", used)
    if number < 0 { throw .system(errno: -number) }
    let saved = Descriptor(number)
    var offset = 0
    while used > 0 {
      let count = min(used, Limits.backlogBytes - first)
      let written = pwrite(saved.number, memory + first, count, off_t(offset))
      if written <= 0 { throw .exhausted }
      offset += written
      first = (first + written) % Limits.backlogBytes
      used -= written
    }
    return saved
  }

  /// Takes the messages that `save` has put away. `protocolViolation` where it is something else:
  /// another process has sent it.
  func restore(_ saved: borrowing Descriptor) throws(MemfdNICError) {
    precondition(isEmpty, "messages are restored first")
    let count = pread(saved.number, memory, Limits.backlogBytes, 0)
    if count < 0 { throw .protocolViolation }
    first = 0
    var position = 0
    while position < count {
      if count - position < Self.lengthBytes { throw .protocolViolation }
      let length = (memory + position).loadUnaligned(as: UInt64.self)
      position += Self.lengthBytes
      if length > UInt64(min(Limits.maximumMessageBytes, count - position)) {
        throw .protocolViolation
      }
      position += Int(length)
    }
    used = count
  }

  private func copyIn(_ bytes: UnsafeRawPointer, _ count: Int) {
    let position = (first + used) % Limits.backlogBytes
    let untilEnd = min(count, Limits.backlogBytes - position)
    (memory + position).copyMemory(from: bytes, byteCount: untilEnd)
    memory.copyMemory(from: bytes + untilEnd, byteCount: count - untilEnd)
    used += count
  }

  private func copyOut(_ bytes: UnsafeMutableRawPointer, _ count: Int) {
    let untilEnd = min(count, Limits.backlogBytes - first)
    bytes.copyMemory(from: memory + first, byteCount: untilEnd)
    (bytes + untilEnd).copyMemory(from: memory, byteCount: count - untilEnd)
    first = (first + count) % Limits.backlogBytes
    used -= count
  }
}
