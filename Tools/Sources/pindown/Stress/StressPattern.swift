/// Content that says whose it is: every word names a buffer, its generation, and its own place.
///
/// A generation is used once, so content of an older one proves that a transfer went to, or came
/// from, pages that the buffer no longer has.
struct StressPattern: Equatable {
  /// The buffer, unique in both processes.
  let buffer: UInt16
  let generation: UInt32

  /// Numbers that buffers have; those of the second process with one bit more.
  static let numbers: ClosedRange<UInt16> = 1...1024
  static let otherProcess: UInt16 = 0x8000

  private var base: UInt64 { UInt64(buffer) << 48 | UInt64(generation) << 16 }

  func fill(_ memory: UnsafeMutableRawBufferPointer) {
    let words = memory.bindMemory(to: UInt64.self)
    for index in words.indices { words[index] = base | UInt64(index & 0xFFFF) }
  }

  /// Looks at every word.
  func verify(_ memory: UnsafeRawBufferPointer) -> StressVerdict {
    let words = memory.bindMemory(to: UInt64.self)
    for index in words.indices {
      let word = words[index]
      if word == base | UInt64(index & 0xFFFF) { continue }
      let found = StressPattern(
        buffer: UInt16(word >> 48), generation: UInt32(truncatingIfNeeded: word >> 16))
      // Zeroes are what fresh memory holds: nothing has arrived there.
      let isOurs = word == 0 || Self.numbers.contains(found.buffer & ~Self.otherProcess)
      return isOurs ? .stale(found: found, at: index * 8) : .corrupt(at: index * 8)
    }
    return .good
  }
}

/// What a look at the content of a buffer after a transfer gave.
enum StressVerdict: Equatable {
  case good
  /// It is other content of ours: a stale registration was used.
  case stale(found: StressPattern, at: Int)
  /// It is no content of ours.
  case corrupt(at: Int)
}
