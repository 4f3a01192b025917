/// A moment on the clock that never jumps, and what is left until it.
struct Moment {
  private let instant: ContinuousClock.Instant

  static var now: Moment { Moment(instant: .now) }

  private init(instant: ContinuousClock.Instant) {
    self.instant = instant
  }

  init(after duration: Duration) {
    instant = .now + duration
  }

  var hasPassed: Bool { ContinuousClock.now >= instant }

  /// Milliseconds until then, not below 0: for poll(2).
  var remainingMilliseconds: Int32 {
    let left = ContinuousClock.now.duration(to: instant)
    return left <= .zero ? 0 : Int32(clamping: Int64(left.inSeconds * 1000) + 1)
  }

  var elapsed: Duration { instant.duration(to: .now) }
}

extension Duration {
  var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }

  /// With a unit that fits: `1.42 ms`.
  var text: String {
    let seconds = inSeconds
    if seconds < 1e-3 { return "\(rounded(seconds * 1e6)) us" }
    if seconds < 1 { return "\(rounded(seconds * 1e3)) ms" }
    return "\(rounded(seconds)) s"
  }

  private func rounded(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }
}
