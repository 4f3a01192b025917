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
