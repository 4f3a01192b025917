import Inspection
import VirtualMemory

/// How regions are written.
enum RegionText {
  static func state(_ region: RegionSnapshot) -> String {
    switch region.state {
    case .free: "free"
    case .registering: "registering"
    case .live: region.references == 0 ? "cached" : "in-use"
    case .superseded: "superseded"
    case .dying: "dying"
    case .quarantined: "quarantined"
    case .dead: "dead"
    }
  }

  static func backing(_ region: RegionSnapshot) -> String {
    switch region.backing {
    case .mapped: "mapped"
    case .pinned: "pinned"
    case .some(.none), nil: "none"
    }
  }

  static let columns = [
    "start", "end", "length_bytes", "state", "references", "access", "backing",
    "registered_utc", "nics", "keys", "sockets",
  ]

  static func row(_ region: RegionSnapshot, of process: ProcessSnapshot) -> [String] {
    [
      Text.address(region.range.start), Text.address(region.range.end),
      "\(region.range.length)", state(region), "\(region.references)",
      Text.access(region.access), backing(region), Text.time(region.registeredAt),
      Text.list(process.nicNames(of: region)), Text.list(keys(region)),
      Text.list(sockets(region, of: process).map(String.init)),
    ]
  }

  private static func keys(_ region: RegionSnapshot) -> [String] {
    region.nics.map { Text.hexadecimal(UInt64(region.keys[$0]), digits: 8) }
  }

  /// The sockets that use the region, each once.
  static func sockets(_ region: RegionSnapshot, of process: ProcessSnapshot) -> [UInt32] {
    Set(process.registrations(of: region).map(\.socket)).sorted()
  }

  /// The `key value` lines of a region.
  static func describe(_ region: RegionSnapshot, of process: ProcessSnapshot) -> TextBuffer {
    var text = TextBuffer()
    text.appendLine("generation", process.generation)
    text.appendLine("consistent", Text.yesNo(process.isConsistent))
    text.appendLine("start", Text.address(region.range.start))
    text.appendLine("end", Text.address(region.range.end))
    text.appendLine("length_bytes", region.range.length)
    text.appendLine("state", state(region))
    text.appendLine("references", region.references)
    text.appendLine("access", Text.access(region.access))
    text.appendLine("backing", backing(region))
    text.appendLine("registered_utc", Text.time(region.registeredAt))
    text.appendLine("nics", Text.list(process.nicNames(of: region)))
    for nic in region.nics {
      let name = process.nicName(UInt32(nic)) ?? "nic-\(nic)"
      text.appendLine("key", "\(name) \(Text.hexadecimal(UInt64(region.keys[nic]), digits: 8))")
    }
    return text
  }

  /// One line for each use by a socket.
  static func describeUse(
    _ use: RegistrationSnapshot, of process: ProcessSnapshot
  ) -> String {
    var text = "\(Text.range(use.range)) access=\(Text.access(use.access))"
    text += " nic=\(process.nicName(use.nic) ?? "-")"
    if use.isExposed { text += " remote_key=\(Text.hexadecimal(UInt64(use.remoteKey), digits: 8))" }
    return text
  }

  static func write(
    _ region: RegionSnapshot, of process: ProcessSnapshot, to writer: inout JSONWriter
  ) {
    writer.member("start", Text.address(region.range.start))
    writer.member("end", Text.address(region.range.end))
    writer.member("length_bytes", region.range.length)
    writer.member("state", state(region))
    writer.member("references", region.references)
    writer.member("access", Text.access(region.access))
    writer.member("backing", backing(region))
    writer.member("registered_utc", Text.time(region.registeredAt))
    writer.array("nics") { writer in
      for nic in region.nics {
        writer.object { writer in
          writer.member("name", process.nicName(UInt32(nic)) ?? "nic-\(nic)")
          writer.member("key", Text.hexadecimal(UInt64(region.keys[nic]), digits: 8))
        }
      }
    }
    writer.array("sockets") { writer in
      for use in process.registrations(of: region) {
        writer.object { writer in
          writer.member("socket", use.socket)
          writer.member("start", Text.address(use.range.start))
          writer.member("end", Text.address(use.range.end))
          writer.member("access", Text.access(use.access))
          writer.member("exposed", use.isExposed)
        }
      }
    }
  }
}
