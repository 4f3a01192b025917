package import VirtualMemory

/// The first page: who publishes, and the counters of page tracking.
package struct ProcessHeader: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 4096 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// `Layout.magic`, stored last: before that the rest is not complete.
  package var magic: SharedWord { word(0) }
  package var version: SharedHalfWord { halfWord(8) }
  package var pid: SharedHalfWord { halfWord(12) }
  /// The process's start, in the kernel's clock ticks since boot (field 22 of /proc/PID/stat).
  package var startTicks: SharedWord { word(16) }
  /// CLOCK_REALTIME, nanoseconds.
  package var publishedAt: SharedWord { word(24) }
  /// Updates begun and ended; equal while nobody is writing. Any thread adds.
  package var updatesStarted: SharedWord { word(32) }
  package var updatesFinished: SharedWord { word(40) }
  /// Where the next event goes; the number of events ever appended.
  package var eventCount: SharedWord { word(48) }
  /// Monitors that were asked for, that run, and that could not be started (bits: `MonitorBit`).
  package var monitorsWanted: SharedHalfWord { halfWord(56) }
  package var monitorsRunning: SharedHalfWord { halfWord(60) }
  /// Mapping changes that a monitor saw touch a secured range, and callbacks made for them.
  package var mappingChanges: SharedWord { word(64) }
  package var callbacks: SharedWord { word(72) }
  package var callbackFailures: SharedWord { word(80) }
  /// Secured regions and the bytes in them, now.
  package var securedRegions: SharedWord { word(88) }
  package var securedBytes: SharedWord { word(96) }
  /// 1 where frames, pins and io_uring are available to the process (bits: `AbilityBit`).
  package var abilities: SharedHalfWord { halfWord(104) }
  /// The abstract Unix socket on which the process takes commands (zero-terminated, no leading
  /// zero byte); empty where it takes none.
  package var controlSocketName: UnsafeMutableRawPointer { base + 128 }
  package static let controlSocketNameBytes = 96
  /// What a monitor has seen, and what it cannot see here; `index` counts the bits of `MonitorBit`.
  package func monitor(_ index: Int) -> MonitorRecord {
    precondition(index >= 0 && index < Layout.maximumMonitors, "no such monitor")
    return MonitorRecord(base: base + 1024 + index * MonitorRecord.stride)
  }
}
