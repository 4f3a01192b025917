/// Events that were read from a process's log, oldest first.
package struct EventBatch: Sendable {
  package var events: [EventSnapshot] = []
  /// Where to go on reading.
  package var next: UInt64
  /// Events that were overwritten before they could be read.
  package var lost: UInt64 = 0
  /// Whether the event at `next` has been begun and is not complete.
  package var isIncomplete = false

  init(next: UInt64) {
    self.next = next
  }
}
