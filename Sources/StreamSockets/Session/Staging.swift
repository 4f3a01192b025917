import SocketsSwitch
import VirtualMemory

/// Memory of the session's own, into which is received what the application's buffer is too small
/// for. It has a memfd of its own: a peer that writes into it may map all of that.
struct Staging: ~Copyable {
  private var segment: MemfdSegment?
  private var filled = 0..<0

  init() {}

  /// Takes what was received before.
  mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(filled.count, buffer.count)
    if count == 0 { return 0 }
    guard let base = segment?.baseAddress else { return 0 }
    buffer.copyMemory(
      from: UnsafeRawBufferPointer(start: base + filled.lowerBound, count: count))
    filled = (filled.lowerBound + count)..<filled.upperBound
    return count
  }

  /// The memory; what was received before must have been taken.
  mutating func memory() throws(StreamError) -> UnsafeMutableRawBufferPointer {
    if segment == nil {
      do throws(VirtualMemoryError) {
        segment = try MemfdSegment(byteCount: UInt(Limits.stagingBytes))
      } catch {
        throw .provider(.messageMemoryUnavailable(reason: "\(error)"))
      }
    }
    return UnsafeMutableRawBufferPointer(
      start: segment?.baseAddress, count: Limits.stagingBytes)
  }

  mutating func received(_ count: Int) {
    filled = 0..<count
  }
}
