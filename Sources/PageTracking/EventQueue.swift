import CLinuxMemory
import VirtualMemory

/// The kernel's events on their way from the thread that reads them to the one that reports them,
/// in memory set aside beforehand. One thread pushes, one takes.
///
/// There are two threads because a subscriber may unmap: its own event must be read while it waits
/// for that. The reader calls nobody, locks nothing and never waits for room: what does not fit is
/// not queued, and everything that is secured counts as changed.
struct EventQueue: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer

  private static var capacity: Int { PageTrackingLimits.maximumQueuedEvents }
  private static var headerBytes: Int { 192 }

  /// Events ever pushed; written by the reader.
  private var pushed: SharedWord { SharedWord(base) }
  /// Events ever taken; written by the reporter.
  private var taken: SharedWord { SharedWord(base + 64) }
  private var lost: SharedHalfWord { SharedHalfWord(base + 128) }

  private var ended: SharedHalfWord { SharedHalfWord(base + 132) }

  /// Nil where there is no memory.
  init?() {
    let bytes = Self.headerBytes + Self.capacity * MemoryLayout<CLinuxMemory_mapping_event>.stride
    guard let memory = CLinuxMemory_reserve(bytes) else { return nil }
    base = memory
  }

  private func place(_ number: UInt64) -> UnsafeMutablePointer<CLinuxMemory_mapping_event> {
    (base + Self.headerBytes).assumingMemoryBound(to: CLinuxMemory_mapping_event.self)
      + Int(number % UInt64(Self.capacity))
  }

  func push(_ event: CLinuxMemory_mapping_event) {
    let number = pushed.loadRelaxed()
    if number - taken.loadAcquiring() >= UInt64(Self.capacity) {
      lost.store(1)
      return
    }
    place(number).pointee = event
    pushed.storeReleasing(number + 1)
  }

  /// The next event, nil where there is none.
  func take() -> CLinuxMemory_mapping_event? {
    let number = taken.loadRelaxed()
    if number == pushed.loadAcquiring() { return nil }
    let event = place(number).pointee
    taken.storeReleasing(number + 1)
    return event
  }

  /// Says that nothing will be pushed any more, and that events may be lost.
  func end() {
    lost.store(1)
    ended.store(1)
  }

  var isEnded: Bool { ended.load() != 0 }

  /// Whether events were lost since the last question.
  func takeLost() -> Bool { lost.exchange(0) != 0 }
}
