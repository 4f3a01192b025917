import CWinsockDirect
import Glibc
import PageTracking
import VirtualMemory

/// The part of a switch that matters when a mapping changes: it calls the provider's callback, and
/// looks whether the mapping is still there at that moment.
enum CallingSwitch {
  nonisolated(unsafe) private static var callback: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK?
  nonisolated(unsafe) private static var watched = AddressRange(start: 0, end: 0)
  /// Changes of the watched range of which the provider was told, and how many of them came while
  /// the whole of it was still mapped.
  nonisolated(unsafe) private(set) static var calls = 0
  nonisolated(unsafe) private(set) static var callsBeforeTheChange = 0

  private static let handler: ChangeHandler = { _, start, end, _ in
    guard let callback else { return }
    if AddressRange(start: start, end: end).overlaps(watched) {
      calls += 1
      let memory = UnsafeMutableRawPointer(bitPattern: watched.start)
      // msync answers ENOMEM where a part is not mapped.
      if msync(memory, Int(watched.length), MS_ASYNC) == 0 { callsBeforeTheChange += 1 }
    }
    var error: INT = 0
    _ = callback(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), &error)
  }

  /// Runs `body` while changes are answered, or, for a counter-test, while nothing watches.
  static func run<Result>(
    _ provider: StartedProvider, hooked: Bool, _ body: () throws -> Result
  ) throws -> Result {
    callback = provider.cacheCallback
    let tracker = try PageTracker.shared()
    let number = try tracker.subscribe(handler, context: nil)
    if hooked { try tracker.start(.entries) } else { tracker.stop() }
    defer {
      tracker.stop()
      tracker.unsubscribe(number)
    }
    return try body()
  }

  static func watch(_ range: AddressRange) {
    watched = range
    calls = 0
    callsBeforeTheChange = 0
  }
}
