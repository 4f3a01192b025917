/// Bounds of this module.
enum Limits {
  /// Bytes of one write to a control file.
  static let writeBytes = 4096
  /// Files, and folders, that may be open at once.
  static let openFiles = 1024
  /// Bytes of one file as it is rendered.
  static let snapshotBytes = 64 << 20
  /// Bytes of `events` that are kept; when there are more, the older half goes.
  static let logBytes = 16 << 20
  /// Events that are kept for `events.json`.
  static let logEntries = 16384
  /// Users whose own view of `events`, and whose `last_error`, is kept.
  static let users = 64
  /// Nanoseconds that an event that was begun may stay incomplete before later ones are shown.
  static let incompleteEventNanoseconds: UInt64 = 50_000_000
  /// Nanoseconds for which a copy of unchanged tables serves to look up names.
  static let structureNanoseconds: UInt64 = 20_000_000
  /// Readers that may wait in poll() at once.
  static let pollHandles = 4096
  /// Microseconds between two looks at the processes while somebody waits in poll().
  static let pollIntervalMicroseconds: UInt32 = 50_000
  /// Threads that serve, and those that stay when there is nothing to do.
  static let threads: UInt32 = 16
  static let idleThreads: UInt32 = 4
  /// Seconds for which the kernel keeps the attributes of what never changes.
  static let constantSeconds = 60.0
  /// Seconds that a mount may take until it answers.
  static let mountSeconds = 10
}
