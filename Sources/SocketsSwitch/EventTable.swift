import CLinuxMemory
import CWinsockDirect
import VirtualMemory

/// The event objects of this process: what WPUCreateEvent gives out and WPUSetEvent signals.
///
/// An event is two half words: a futex that is 1 while the event is signalled, and one that is 1
/// while the event exists. Its handle is the address of the first, so the low two bits of a handle
/// are zero (a provider may keep marks there). The words lie in memory that is never given back: a
/// handle that was closed is recognised, not followed. Setting and resetting takes no lock and
/// allocates nothing.
struct EventTable: @unchecked Sendable {
  static let shared = EventTable()

  private static let stride = 8
  private let base: UnsafeMutableRawPointer
  private let free: Lock<[Int]>

  private init() {
    let bytes = Limits.maximumEvents * Self.stride
    base = .allocate(byteCount: bytes, alignment: 8)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    free = Lock(Array((0..<Limits.maximumEvents).reversed()))
  }

  /// A new event that is not signalled, or nil where there are too many.
  func make() -> WSAEVENT? {
    free.withLock { free in
      guard let index = free.popLast() else { return nil }
      let event = base + index * Self.stride
      SharedHalfWord(event).store(0)
      SharedHalfWord(event + 4).store(1)
      return event
    }
  }

  /// Ends an event; false where there is none.
  func close(_ event: WSAEVENT?) -> Bool {
    guard let event = known(event) else { return false }
    guard SharedHalfWord(event + 4).compareExchange(expected: 1, desired: 0).exchanged else {
      return false
    }
    free.withLock { $0.append((event - base) / Self.stride) }
    return true
  }

  /// Signals an event, which stays so until it is reset; false where there is none.
  func set(_ event: WSAEVENT?) -> Bool {
    guard let event = known(event) else { return false }
    SharedHalfWord(event).store(1)
    CLinuxMemory_futex_wake(event, .max)
    return true
  }

  /// Makes an event not signalled; false where there is none.
  func reset(_ event: WSAEVENT?) -> Bool {
    guard let event = known(event) else { return false }
    SharedHalfWord(event).store(0)
    return true
  }

  /// Waits until the event is signalled; false where the deadline came first.
  func wait(for event: WSAEVENT, until deadline: Deadline) -> Bool {
    while SharedHalfWord(event).load() == 0 {
      let remaining = deadline.remaining
      if remaining == 0 { return false }
      _ = CLinuxMemory_futex_wait(event, 0, remaining)
    }
    return true
  }

  /// The address of the event's words, where the handle names an event that exists.
  private func known(_ event: WSAEVENT?) -> UnsafeMutableRawPointer? {
    guard let event, event >= base, event < base + Limits.maximumEvents * Self.stride,
      (event - base) % Self.stride == 0, SharedHalfWord(event + 4).load() == 1
    else { return nil }
    return event
  }
}
