import Glibc

/// Nanoseconds on the clock that never jumps.
enum Stopwatch {
  static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Nanoseconds that `body` takes.
  @inline(__always)
  static func time(_ body: () throws -> Void) rethrows -> Double {
    let begin = now()
    try body()
    return Double(now() - begin)
  }
}
