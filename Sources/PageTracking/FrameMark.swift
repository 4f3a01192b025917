// Hook context: everything in this file.

/// The page frames of a region at a moment.
public enum FrameMark: Sendable {
  /// They are not shown, or nobody asked.
  case unknown
  /// Not every page was there.
  case absent
  /// A number that stands for them.
  case frames(UInt64)

  /// Whether these may be the same frames.
  func allows(_ frames: UInt64) -> Bool {
    switch self {
    case .unknown: true
    case .absent: false
    case .frames(let marked): marked == frames
    }
  }
}
