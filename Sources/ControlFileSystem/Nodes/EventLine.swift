import Inspection

/// How an event is written in `events`.
enum EventLine {
  static let columns =
    "number time_utc process kind range provider nic socket change status duration_ns thread"

  static func render(_ entry: EventLog.Entry) -> TextBuffer {
    let event = entry.event
    var line = TextBuffer()
    line.appendDecimal(entry.number)
    let fields = [
      Text.time(event.time),
      "\(entry.process)",
      kind(event.kind),
      event.range.map(Text.range) ?? "-",
      entry.providerName ?? "-",
      entry.nicName ?? "-",
      event.socket == .max ? "-" : "\(event.socket)",
      change(event) ?? "-",
      status(event.status),
      "\(event.duration)",
      "\(event.thread)",
    ]
    for field in fields {
      line.append(UInt8(ascii: " "))
      line.append(field)
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  static func kind(_ value: UInt32) -> String {
    switch EventKind(rawValue: value) {
    case .mappingChange: "mapping-change"
    case .callback: "callback"
    case .registered: "registered"
    case .deregistered: "deregistered"
    case .evicted: "evicted"
    case .invalidated: "invalidated"
    case .quarantined: "quarantined"
    case .listening: "listening"
    case .connected: "connected"
    case .disconnected: "disconnected"
    case .handedOver: "handed-over"
    case .takenOver: "taken-over"
    case nil: "kind-\(value)"
    }
  }

  /// What a mapping change was; nil for other events.
  static func change(_ event: EventSnapshot) -> String? {
    guard event.kind == EventKind.mappingChange.rawValue else { return nil }
    return MappingChangeName.name(of: event.detail)
  }

  /// `ok`, the name of what a callback may answer (spec C42 ff.), or the number.
  static func status(_ value: Int32) -> String {
    switch value {
    case 0: "ok"
    case 10014: "WSAEFAULT"
    case 10022: "WSAEINVAL"
    case 10055: "WSAENOBUFS"
    default: "\(value)"
    }
  }
}
