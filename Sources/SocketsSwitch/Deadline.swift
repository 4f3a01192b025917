import CLinuxMemory

/// A moment until which somebody waits, on the clock that never jumps.
package struct Deadline: Sendable {
  private let nanoseconds: UInt64

  /// The moment `duration` from now.
  package init(after duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let bounded = UInt64(clamping: min(max(seconds, 0), 1_000_000_000))
    nanoseconds =
      CLinuxMemory_monotonic() &+ bounded &* 1_000_000_000
      &+ UInt64(clamping: attoseconds / 1_000_000_000)
  }

  /// Nanoseconds that are left; 0 once the moment has come.
  package var remaining: Int64 {
    let now = CLinuxMemory_monotonic()
    return now >= nanoseconds ? 0 : Int64(nanoseconds &- now)
  }
}
