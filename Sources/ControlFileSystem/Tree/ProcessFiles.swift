import Glibc
import Inspection
import VirtualMemory

/// `processes/<pid>/`: one process.
enum ProcessFiles {
  static let folder = NodeDeclaration.directory(
    "processes", "The processes that publish, by number.",
    [
      .directory(
        "<pid>", mode: 0o500, "A process; its user may look into it.", members: processes,
        [
          command, monitors, stats, tracked, ProviderFiles.folder, SocketFiles.folder,
        ])
    ])

  private static let processes: NodeDeclaration.Enumerate = { context, name throws(ControlError) in
    let found: [PublishedProcess]
    if let name {
      let process = Int32(name).flatMap { context.system.process($0) }
      found = process.map { [$0] } ?? []
    } else {
      found = context.processes()
    }
    return found.map { process in
      var subject = Subject()
      subject.process = process.identity
      subject.owner = process.userID
      return Member(name: "\(process.pid)", subject: subject)
    }
  }

  private static let command = NodeDeclaration.file(
    "command", .value, "Its command line, with blanks between the arguments."
  ) { context throws(ControlError) in
    let path = "/proc/\(try context.process().pid)/cmdline"
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .gone }
    defer { Glibc.close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let length = max(0, Glibc.read(descriptor, &bytes, bytes.count))
    let arguments = bytes[..<length].split(separator: 0).map {
      Text.oneLine(String(decoding: $0, as: UTF8.self))
    }
    var text = TextBuffer()
    text.append(arguments.joined(separator: " ") + "\n")
    return text
  }

  private static let monitors = NodeDeclaration.file(
    "monitors", .table, "Which monitors were asked for, which run, and what is not seen."
  ) { context throws(ControlError) in
    let snapshot = try context.snapshot()
    var table = Table([
      "monitor", "wanted", "running", "events", "last_ns", "total_ns", "uncovered",
    ])
    let names: [UInt32: String] = [
      MonitorBit.entries: "entries", MonitorBit.dispatch: "dispatch",
      MonitorBit.userfaultfd: "userfaultfd", MonitorBit.audit: "audit",
    ]
    for monitor in snapshot.monitors {
      table.addRow([
        names[monitor.bit] ?? "monitor-\(monitor.bit)", Text.yesNo(monitor.isWanted),
        Text.yesNo(monitor.isRunning), "\(monitor.events)", "\(monitor.lastNanoseconds)",
        "\(monitor.totalNanoseconds)", monitor.uncovered,
      ])
    }
    return table.finish(generation: snapshot.generation, isConsistent: snapshot.isConsistent)
  }

  private static let stats = NodeDeclaration.file(
    "stats", .keyed, unit: "bytes", "What page tracking has done, and what the process may do."
  ) { context throws(ControlError) in
    let snapshot = try context.snapshot()
    var text = TextBuffer()
    text.appendLine("generation", snapshot.generation)
    text.appendLine("consistent", Text.yesNo(snapshot.isConsistent))
    text.appendLine("published_utc", Text.time(snapshot.publishedAt))
    text.appendLine("events", snapshot.eventCount)
    text.appendLine("mapping_changes", snapshot.mappingChanges)
    text.appendLine("callbacks", snapshot.callbacks)
    text.appendLine("callback_failures", snapshot.callbackFailures)
    text.appendLine("secured_regions", snapshot.securedRegions)
    text.appendLine("secured_bytes", snapshot.securedBytes)
    text.appendLine("providers", snapshot.providers.count)
    text.appendLine("sockets", snapshot.sockets.count)
    text.appendLine("can_pin", Text.yesNo(snapshot.abilities & AbilityBit.pins != 0))
    text.appendLine("can_read_frames", Text.yesNo(snapshot.abilities & AbilityBit.frames != 0))
    return text
  }

  private static let tracked = NodeDeclaration.file(
    "tracked", .table, unit: "bytes", "The ranges whose mapping is watched, by address."
  ) { context throws(ControlError) in
    let snapshot = try context.snapshot()
    var table = Table(["start", "end", "length_bytes", "provider", "state"])
    let secured = snapshot.regions.filter(\.isSecured)
    for region in secured.sorted(by: { $0.range.start < $1.range.start }) {
      table.addRow([
        Text.address(region.range.start), Text.address(region.range.end),
        "\(region.range.length)", snapshot.providerName(region.provider) ?? "-",
        RegionText.state(region),
      ])
    }
    return table.finish(generation: snapshot.generation, isConsistent: snapshot.isConsistent)
  }
}
