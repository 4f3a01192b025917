/// How a monitor is doing.
public struct MonitorStatus: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case running
    case notAskedFor
    /// It cannot run here: the kernel, the processor or the permission is missing.
    case unavailable(reason: String)
  }

  /// Its bit, alone.
  public let monitor: MonitorSet
  public let name: String
  public let state: State
  /// What is not seen, or not seen in time: all that the monitor is for where it does not run, and
  /// what it cannot see here where it does. A line for each.
  public let uncovered: [String]
  /// Changes of secured regions that it has reported.
  public let events: UInt64
  /// Nanoseconds that the last report took, and all of them; for the audit, the passes of its timer.
  public let lastNanoseconds: UInt64
  public let totalNanoseconds: UInt64
}
