package import VirtualMemory

/// One line of `events`. Any thread appends, in hook context too.
package struct EventRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 96 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// 1 + the event's number once it is complete; 0 while it is being written.
  package var sequence: SharedWord { word(0) }
  /// CLOCK_REALTIME, nanoseconds.
  package var time: SharedWord { word(8) }
  package var start: SharedWord { word(16) }
  package var end: SharedWord { word(24) }
  /// An `EventKind` raw value.
  package var kind: SharedHalfWord { halfWord(32) }
  /// A `MappingChangeKind` (PageTracking) raw value for a mapping change.
  package var detail: SharedHalfWord { halfWord(36) }
  /// An answer: 0, or the error number.
  package var status: SharedHalfWord { halfWord(40) }
  /// Indices, `UInt32.max` where the event has none.
  package var provider: SharedHalfWord { halfWord(44) }
  package var nic: SharedHalfWord { halfWord(48) }
  package var socket: SharedHalfWord { halfWord(52) }
  package var thread: SharedHalfWord { halfWord(56) }
  /// Nanoseconds that it took, where that was measured.
  package var duration: SharedWord { word(64) }
}
