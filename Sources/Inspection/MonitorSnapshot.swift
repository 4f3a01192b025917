/// A monitor of mapping changes, as a process published it.
package struct MonitorSnapshot: Hashable, Sendable {
  /// Its bit (`MonitorBit`).
  package var bit: UInt32
  package var isWanted: Bool
  package var isRunning: Bool
  /// Changes of secured regions that it has reported.
  package var events: UInt64
  /// Nanoseconds that the last report took, and all of them.
  package var lastNanoseconds: UInt64
  package var totalNanoseconds: UInt64
  /// What is not seen, in words; empty where everything is.
  package var uncovered: String
}
