import CLinuxMemory
import Inspection
import VirtualMemory

/// The events of every process that one user may see, in the order in which they were found here.
///
/// Lines are only appended, so that a reader who follows can go on where it was. When there are too
/// many the oldest go; positions keep counting.
final class EventLog: Sendable {
  struct Entry: Sendable {
    var number: UInt64
    var process: Int32
    var providerName: String?
    var nicName: String?
    var event: EventSnapshot
  }

  private struct Cursor {
    var next: UInt64 = 0
    /// Since when the next event has been begun and not finished.
    var stalledSince: UInt64?
  }

  private struct State {
    var bytes: [UInt8] = []
    /// The position of the first byte that is kept.
    var discarded = 0
    var entries: [Entry] = []
    var count: UInt64 = 0
    var lastTime: UInt64 = 0
    var cursors: [ProcessIdentity: Cursor] = [:]
  }

  static let header = Array("# \(EventLine.columns)\n".utf8)

  private let state = Lock(State())

  /// Takes over what the processes have appended.
  func refresh(_ processes: [PublishedProcess], snapshot: (PublishedProcess) -> ProcessSnapshot) {
    state.withLock { state in
      let living = Set(processes.map(\.identity))
      state.cursors = state.cursors.filter { living.contains($0.key) }
      var fresh: [Entry] = []
      for process in processes {
        fresh += Self.take(from: process, into: &state, snapshot: snapshot)
      }
      fresh.sort { $0.event.time < $1.event.time }
      for entry in fresh { Self.append(entry, to: &state) }
      Self.trim(&state)
    }
  }

  private static func take(
    from process: PublishedProcess, into state: inout State,
    snapshot: (PublishedProcess) -> ProcessSnapshot
  ) -> [Entry] {
    var cursor = state.cursors[process.identity] ?? Cursor()
    defer { state.cursors[process.identity] = cursor }
    guard process.eventCount != cursor.next else { return [] }
    let now = CLinuxMemory_monotonic()
    let isStalled = cursor.stalledSince.map { now - $0 > Limits.incompleteEventNanoseconds }
    let batch = process.events(from: cursor.next, skippingIncomplete: isStalled ?? false)
    cursor.next = batch.next
    cursor.stalledSince = batch.isIncomplete ? cursor.stalledSince ?? now : nil
    if batch.lost > 0 {
      let line = "# \(batch.lost) events of process \(process.pid) were overwritten unread\n"
      state.bytes += Array(line.utf8)
    }
    let names = snapshot(process)
    return batch.events.map { event in
      Entry(
        number: 0, process: process.pid,
        providerName: name(event.provider, "provider", names.providerName),
        nicName: name(event.nic, "nic", names.nicName), event: event)
    }
  }

  /// The name of what an event names by index: by its index where it has gone meanwhile.
  private static func name(
    _ index: UInt32, _ word: String, _ find: (UInt32) -> String?
  ) -> String? {
    index == .max ? nil : find(index) ?? "\(word)-\(index)"
  }

  private static func append(_ entry: Entry, to state: inout State) {
    var entry = entry
    entry.number = state.count
    state.count += 1
    state.lastTime = max(state.lastTime, entry.event.time)
    state.entries.append(entry)
    state.bytes += EventLine.render(entry).bytes
  }

  /// Drops the older half once there is too much, up to the end of a line.
  private static func trim(_ state: inout State) {
    if state.entries.count > 2 * Limits.logEntries {
      state.entries.removeFirst(state.entries.count - Limits.logEntries)
    }
    guard state.bytes.count > Limits.logBytes else { return }
    let half = state.bytes.count - Limits.logBytes / 2
    let end = state.bytes[half...].firstIndex(of: UInt8(ascii: "\n")) ?? state.bytes.count - 1
    state.bytes.removeFirst(end + 1)
    state.discarded += end + 1
  }

  /// What there is now: from where, to where, and when the last event was.
  var extent: (start: Int, end: Int, lastTime: UInt64) {
    state.withLock { ($0.discarded, $0.discarded + $0.bytes.count, $0.lastTime) }
  }

  /// The newest events, as many as are kept.
  var entries: [Entry] { state.withLock { Array($0.entries.suffix(Limits.logEntries)) } }

  /// The bytes between two positions; nil where the first of them are no longer kept.
  func bytes(_ range: Range<Int>) -> [UInt8]? {
    state.withLock { state in
      guard range.lowerBound >= state.discarded,
        range.upperBound <= state.discarded + state.bytes.count
      else { return nil }
      return Array(
        state.bytes[range.lowerBound - state.discarded..<range.upperBound - state.discarded])
    }
  }
}
