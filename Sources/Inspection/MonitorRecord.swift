package import VirtualMemory

/// A monitor of mapping changes; in the first page. The counters are written by the page tracker, in
/// hook context too; the text when monitors are started, within an update.
package struct MonitorRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 256 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// Changes of secured regions that it has reported.
  package var events: SharedWord { word(0) }
  /// Nanoseconds that the last report took (a timed audit: its last pass), and all of them.
  package var lastNanoseconds: SharedWord { word(8) }
  package var totalNanoseconds: SharedWord { word(16) }
  /// What is not seen: because it does not run, and why, or because it cannot see it here. Ends with
  /// a zero byte.
  package var uncovered: UnsafeMutableRawPointer { base + 32 }
  package static let uncoveredBytes = 224

  /// Writes the text; what is too long is cut off.
  package func write(uncovered text: String) {
    let bytes = Array(text.utf8.prefix(Self.uncoveredBytes - 1)) + [0]
    uncovered.copyMemory(from: bytes, byteCount: bytes.count)
  }
}
