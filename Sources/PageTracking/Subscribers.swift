import CLinuxMemory
import VirtualMemory

/// Told that the mapping under a secured range is about to change. It runs in hook context.
///
/// `start` and `end` bound the whole secured region that is touched; `kind` is the raw value of a
/// `MappingChangeKind`.
public typealias ChangeHandler =
  @convention(c) (
    _ context: UnsafeMutableRawPointer?, _ start: UInt, _ end: UInt, _ kind: UInt32
  ) -> Void

/// Who is told of mapping changes.
///
/// Protocol: a slot's word is 0 while it is free, else bit 63 is set while it is subscribed and the
/// lower bits count the calls that are inside. A caller counts itself in by compare-and-exchange,
/// only while bit 63 is set; `remove` clears the bit and waits until nobody is inside. The function
/// and its context are written while the word is 0, by the one thread that holds `changing`.
struct Subscribers: @unchecked Sendable {
  private struct Slot {
    var word: UInt64
    var function: UInt
    var context: UInt
  }

  private let slots: UnsafeMutablePointer<Slot>
  private let changing = Lock(())

  private static var subscribed: UInt64 { 1 << 63 }
  private static var capacity: Int { PageTrackingLimits.maximumSubscribers }

  init() throws(PageTrackingError) {
    let bytes = Self.capacity * MemoryLayout<Slot>.stride
    guard let memory = CLinuxMemory_reserve(bytes) else { throw .exhausted }
    slots = memory.bindMemory(to: Slot.self, capacity: Self.capacity)
  }

  func word(_ index: Int) -> SharedWord { SharedWord(slots + index) }

  /// Adds a function; returns its slot.
  func add(
    _ handler: ChangeHandler, context: UnsafeMutableRawPointer?
  ) throws(PageTrackingError) -> Int {
    try changing.withLock { (_) throws(PageTrackingError) in
      guard let index = (0..<Self.capacity).first(where: { word($0).load() == 0 }) else {
        throw .exhausted
      }
      slots[index].function = unsafeBitCast(handler, to: UInt.self)
      slots[index].context = UInt(bitPattern: context)
      word(index).store(Self.subscribed)
      return index
    }
  }

  /// Takes a function out; when this returns it is not running and will not be called.
  func remove(_ index: Int) {
    changing.withLock { (_) in
      var old = word(index).load()
      while true {
        let raced = word(index).compareExchange(expected: old, desired: old & ~Self.subscribed)
        if raced.exchanged { break }
        old = raced.original
      }
      while word(index).load() != 0 { CLinuxMemory_relax() }
    }
  }

  /// Calls every subscriber. Hook context.
  func call(_ range: AddressRange, kind: UInt32) {
    for index in 0..<Self.capacity where enter(index) {
      let handler = unsafeBitCast(slots[index].function, to: ChangeHandler.self)
      handler(
        UnsafeMutableRawPointer(bitPattern: slots[index].context), range.start, range.end, kind)
      word(index).subtract(1)
    }
  }

  private func enter(_ index: Int) -> Bool {
    var old = word(index).loadAcquiring()
    while old & Self.subscribed != 0 {
      let raced = word(index).compareExchange(expected: old, desired: old + 1)
      if raced.exchanged { return true }
      old = raced.original
    }
    return false
  }
}
