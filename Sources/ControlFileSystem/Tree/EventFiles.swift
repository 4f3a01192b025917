import Inspection
import VirtualMemory

/// What happened.
enum EventFiles {
  /// A log: read by position, never rendered whole.
  static let text = NodeDeclaration(
    name: "events", kind: .log, mode: 0o444, unit: "nanoseconds",
    documentation:
      "One line per mapping change, callback, registration, eviction and connection, oldest first.")

  static let json = NodeDeclaration.file(
    "events.json", .json, unit: "nanoseconds", "The newest events as one JSON value."
  ) { context throws(ControlError) in
    let log = context.server.log(for: context.reader)
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "pindown.events/\(Documentation.schemaVersion)")
      writer.member("generation", context.system.generation(of: context.processes()))
      writer.array("events") { writer in
        for entry in log.entries { writer.object { write(entry, to: &$0) } }
      }
    }
    return writer.finish()
  }

  private static func write(_ entry: EventLog.Entry, to writer: inout JSONWriter) {
    let event = entry.event
    writer.member("number", entry.number)
    writer.member("time_utc", Text.time(event.time))
    writer.member("process", entry.process)
    writer.member("kind", EventLine.kind(event.kind))
    writer.member("start", event.range.map { Text.address($0.start) })
    writer.member("end", event.range.map { Text.address($0.end) })
    writer.member("provider", entry.providerName)
    writer.member("nic", entry.nicName)
    if event.socket != .max { writer.member("socket", event.socket) }
    writer.member("change", EventLine.change(event))
    writer.member("status", EventLine.status(event.status))
    writer.member("duration_ns", event.duration)
    writer.member("thread", event.thread)
  }
}
