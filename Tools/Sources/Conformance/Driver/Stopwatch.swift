import Glibc

/// Time on the clock that never jumps.
struct Stopwatch {
  private let start: UInt64 = Self.now

  /// Nanoseconds.
  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  var microseconds: Int { Int((Self.now - start) / 1000) }
  var milliseconds: Int { microseconds / 1000 }
}
