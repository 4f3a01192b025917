package import VirtualMemory

// The records of the published memfd. Each is a window on memory: a base address and named words.
// Words are written by the process that publishes, whole and atomically; which thread may write
// which word, and when, is said at each record. A reader (another process, read-only) copies the
// tables and checks `updatesStarted` against `updatesFinished` around the copy; a record whose own
// word changed meanwhile is read again.

/// A record: a fixed number of bytes at an address.
package protocol Record: Sendable {
  static var stride: Int { get }
  var base: UnsafeMutableRawPointer { get }
  init(base: UnsafeMutableRawPointer)
}

extension Record {
  @inlinable @inline(__always)
  package func word(_ offset: Int) -> SharedWord { SharedWord(base + offset) }
  @inlinable @inline(__always)
  package func halfWord(_ offset: Int) -> SharedHalfWord { SharedHalfWord(base + offset) }
}

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

/// Bits of `ProcessHeader.monitorsWanted` and `monitorsRunning`.
package enum MonitorBit {
  package static let entries: UInt32 = 1
  package static let dispatch: UInt32 = 2
  package static let userfaultfd: UInt32 = 4
  package static let audit: UInt32 = 8
}

/// Bits of `ProcessHeader.abilities`.
package enum AbilityBit {
  package static let pins: UInt32 = 1
  package static let frames: UInt32 = 2
}

/// A provider in the process. Written by its cache.
package struct ProviderRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 512 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// 0: free, 1: in use. Stored last.
  package var state: SharedHalfWord { halfWord(0) }
  package var name: UnsafeMutableRawPointer { base + 16 }
  package static let nameBytes = 48
  /// Limits; `UInt64.max` for none.
  package var maximumBytes: SharedWord { word(64) }
  package var maximumRegions: SharedWord { word(72) }
  package var hits: SharedWord { word(80) }
  package var misses: SharedWord { word(88) }
  package var merges: SharedWord { word(96) }
  package var evictions: SharedWord { word(104) }
  package var invalidations: SharedWord { word(112) }
  package var registrations: SharedWord { word(120) }
  package var deregistrations: SharedWord { word(128) }
  package var failures: SharedWord { word(136) }
  package var quarantined: SharedWord { word(144) }
  /// Regions that exist now, the bytes in them, and the bytes of those that are pinned.
  package var regions: SharedWord { word(152) }
  package var bytes: SharedWord { word(160) }
  package var pinnedBytes: SharedWord { word(168) }
}

/// An adapter that the process has opened. Written by its MemfdNIC.
package struct NICRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 512 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// 0: free, 1: up. Stored last.
  package var state: SharedHalfWord { halfWord(0) }
  /// IPv4 address, most significant byte first in the value; and the length of its prefix.
  package var address: SharedHalfWord { halfWord(4) }
  package var prefixLength: SharedHalfWord { halfWord(8) }
  package var provider: SharedHalfWord { halfWord(12) }
  package var name: UnsafeMutableRawPointer { base + 16 }
  package static let nameBytes = 32
  package var registrations: SharedWord { word(64) }
  package var queuePairs: SharedWord { word(72) }
  package var sends: SharedWord { word(80) }
  package var receives: SharedWord { word(88) }
  package var rdmaWrites: SharedWord { word(96) }
  package var rdmaReads: SharedWord { word(104) }
  package var bytesOut: SharedWord { word(112) }
  package var bytesIn: SharedWord { word(120) }
  package var errors: SharedWord { word(128) }
  package var protectionErrors: SharedWord { word(136) }
  package var maximumRegistrations: SharedWord { word(144) }
  package var maximumQueuePairs: SharedWord { word(152) }
}

/// A provider's socket. Written by the provider, under that socket's lock.
package struct SocketRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 128 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// A `SocketState` raw value; 0: free. Stored last.
  package var state: SharedHalfWord { halfWord(0) }
  package var provider: SharedHalfWord { halfWord(4) }
  /// Index of its adapter, or `UInt32.max` while it has none.
  package var nic: SharedHalfWord { halfWord(8) }
  package var localAddress: SharedHalfWord { halfWord(12) }
  package var localPort: SharedHalfWord { halfWord(16) }
  package var remoteAddress: SharedHalfWord { halfWord(20) }
  package var remotePort: SharedHalfWord { halfWord(24) }
  package var peerPID: SharedHalfWord { halfWord(28) }
  package var pendingSends: SharedHalfWord { halfWord(32) }
  package var pendingReceives: SharedHalfWord { halfWord(36) }
  package var registrations: SharedHalfWord { halfWord(40) }
}

package enum SocketState: UInt32, Sendable {
  case free = 0
  case created, bound, listening, connecting, connected, disconnected, closed
}

/// A region of a registration cache: the cache's entry and its published record are one.
///
/// `word` is the cache's protocol word (see RegistrationCache/RegionWord.swift); every other word is
/// written only by the thread that has the entry to itself (state registering or dying).
package struct RegionRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 128 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// generation: bits 32-63, state (`RegionState`): bits 24-31, references: bits 0-23.
  package var word: SharedWord { word(0) }
  package var start: SharedWord { word(8) }
  package var end: SharedWord { word(16) }
  /// CLOCK_REALTIME, nanoseconds.
  package var registeredAt: SharedWord { word(24) }
  package var provider: SharedHalfWord { halfWord(32) }
  /// A `Backing` raw value.
  package var backing: SharedHalfWord { halfWord(36) }
  package var access: SharedHalfWord { halfWord(40) }
  /// Bit i: adapter i has a registration for the region, with key `key(i)`.
  package var nicMask: SharedHalfWord { halfWord(44) }
  package func key(_ nic: Int) -> SharedHalfWord { halfWord(48 + 4 * nic) }
  /// 1 + the index of the first chunk of its frames, 0 for none; and how many frames there are.
  package var firstFrameChunk: SharedHalfWord { halfWord(80) }
  package var frameCount: SharedHalfWord { halfWord(84) }
  /// Set by every hit, cleared by the eviction that passes it over.
  package var recentlyUsed: SharedHalfWord { halfWord(88) }
  /// The cache's own: the next entry of the list this one is on.
  package var next: SharedHalfWord { halfWord(92) }
  package var trackedRegion: SharedWord { word(96) }
  package var pin: SharedWord { word(104) }
  package var segment: SharedWord { word(112) }
}

package enum RegionState: UInt8, Sendable {
  case free = 0
  /// Being secured, pinned and given to the adapters.
  case registering
  /// In the cache: in use where it has references, cached where it has none.
  case live
  /// Replaced by a larger region, kept until its last reference goes.
  case superseded
  /// Invalidated or evicted; nothing can take a reference.
  case dying
  /// Invalidated, but an adapter or the pin could not be released in time.
  case quarantined
  /// Torn down; the record stays until its last reference goes.
  case dead
}

package enum Backing: UInt32, Sendable {
  case none = 0
  /// A shared mapping of a memfd of ours: adapters use an alias mapping of its pages.
  case mapped
  /// Any other memory, locked by an io_uring registered buffer.
  case pinned
}

/// What one WSPRegisterMemory or WSPRegisterRdmaMemory gave: a use of a region by a socket.
/// Written by the provider that gave it.
package struct RegistrationRecord: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 64 }
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// generation: bits 32-63; 0: free, 1: local, 2: exposed to the peer. Stored last.
  package var word: SharedWord { word(0) }
  package var socket: SharedHalfWord { halfWord(8) }
  package var region: SharedHalfWord { halfWord(12) }
  package var regionGeneration: SharedHalfWord { halfWord(16) }
  package var access: SharedHalfWord { halfWord(20) }
  package var start: SharedWord { word(24) }
  package var end: SharedWord { word(32) }
  package var nic: SharedHalfWord { halfWord(40) }
  package var remoteKey: SharedHalfWord { halfWord(44) }
  /// The provider's own.
  package var users: SharedWord { word(48) }
  package var next: SharedHalfWord { halfWord(56) }
}

/// Page frames of a region, as they were when it was pinned; chunks form a list.
package struct FrameChunk: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 512 }
  package static let framesPerChunk = 63
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// 1 + the index of the next chunk, 0 at the end.
  package var next: SharedWord { word(0) }
  package func frame(_ index: Int) -> SharedWord { word(8 + 8 * index) }
}

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

package enum EventKind: UInt32, Sendable, CaseIterable {
  /// A monitor saw that a mapping under a secured range is about to change.
  case mappingChange = 1
  /// A provider's WSPMemoryRegistrationCacheCallback was called and has answered.
  case callback
  /// A region got a registration at an adapter; and lost it.
  case registered
  case deregistered
  /// A region left the cache to make room, or because its mapping changed.
  case evicted
  case invalidated
  /// A region could not be released in time.
  case quarantined
  case listening
  case connected
  case disconnected
}
