/// Bounds of this module.
package enum Limits {
  /// How often a reader copies the tables in the hope of a moment without an update.
  package static let snapshotAttempts = 16
  /// How often one record is read again because its own word changed meanwhile.
  package static let recordAttempts = 8
  /// Microseconds between two attempts.
  package static let attemptPauseMicroseconds: UInt32 = 100
  /// Milliseconds after which a process that does not answer a request is given up.
  package static let controlTimeoutMilliseconds: Int32 = 2000
  /// Bytes of a request or a reply on the control socket.
  package static let controlMessageBytes = 4096
  /// Connections that may wait until the control thread has time.
  package static let controlBacklog: Int32 = 16
  /// Bytes of its stack.
  package static let controlStackBytes = 1 << 20
}
