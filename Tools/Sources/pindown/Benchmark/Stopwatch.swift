import Glibc

/// Measures in nanoseconds.
enum Stopwatch {
  private static func now(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// How long `body` takes.
  @inline(__always)
  static func time(_ body: () throws -> Void) rethrows -> Double {
    let begin = now(CLOCK_MONOTONIC)
    try body()
    return Double(now(CLOCK_MONOTONIC) - begin)
  }

  /// How long the processor works for `body` on this thread: whoever else wants the processor is
  /// left out of it. For bodies of some microseconds or more.
  @inline(__always)
  static func processorTime(_ body: () throws -> Void) rethrows -> Double {
    let begin = now(CLOCK_THREAD_CPUTIME_ID)
    try body()
    return Double(now(CLOCK_THREAD_CPUTIME_ID) - begin)
  }
}
