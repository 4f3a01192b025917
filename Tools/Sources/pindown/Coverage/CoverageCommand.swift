import ArgumentParser
import CMappingChanges
import Glibc
import Pindown

/// `pindown coverage`: who is told of which change of a mapping, and when.
struct CoverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage",
    abstract: "Show which mapping changes the monitors see, and when.",
    discussion: """
      Each kind of change is made by each route, in a process of its own, to a buffer that is \
      registered on two NICs. The table says when the providers were called back, and whether the \
      page frames really changed; where nobody was, a transfer shows what arrives. Where every use is \
      audited (strict) a transfer follows the change at once, and has to be refused. The exit status \
      is 0 where no harmful change reads NEVER. Local memory is always reached by its frames \
      (PINDOWN_DMA=strict).
      """)

  @Option(help: "The monitors, with commas between them; what PINDOWN_MONITORS says otherwise.")
  var monitors: String?

  @Option(help: "text, tsv or json.")
  var format = CoverageFormat.text.rawValue

  @Option(help: "Draw the table into this file, as SVG.", completion: .file())
  var plot: String?

  @Option(help: "Only this kind of change; may be given more than once.")
  var kind: [String] = []

  @Option(help: "Only this route; may be given more than once.")
  var route: [String] = []

  @Option(help: "Measure the hooks of another library in place of ours: ucx.")
  var peer: String?

  @Option(help: "Seconds that one cell may take.")
  var limit = 20

  func run() throws {
    signal(SIGPIPE, SIG_IGN)
    var settings = try settings()
    let report: CoverageReport
    do {
      settings.unavailable = try CoverageMonitors.unavailable(
        MonitorSet(parsing: settings.monitors))
      if !CMappingChanges_sees_frames() {
        settings.unavailable.append(
          "page frames are not shown to this user: only content and mappings are compared")
      }
      report = try CoverageRun(settings).run()
      try writeOut(report)
    } catch {
      throw failure("\(error)")
    }
    if !report.isGood { throw ExitCode.failure }
  }

  private func settings() throws -> CoverageSettings {
    guard CoverageFormat(rawValue: format) != nil else {
      throw usageFailure("--format \(format): text, tsv or json")
    }
    guard (1...3600).contains(limit) else { throw usageFailure("--limit is from 1 to 3600") }
    for name in kind where !CoverageCell.kinds.contains(name) {
      throw usageFailure(
        "--kind \(name): there are \(CoverageCell.kinds.joined(separator: ", "))")
    }
    let routes = CoverageCell.routes.map(\.name)
    for name in route where !routes.contains(name) {
      throw usageFailure("--route \(name): there are \(routes.joined(separator: ", "))")
    }
    let cells = CoverageCell.all.filter {
      (kind.isEmpty || kind.contains($0.kind)) && (route.isEmpty || route.contains($0.route))
    }
    if cells.isEmpty { throw usageFailure("this kind of change cannot come by this route") }
    return CoverageSettings(
      cells: cells, monitors: try wantedMonitors(), peer: try wantedPeer(),
      limit: .seconds(limit))
  }

  private func wantedPeer() throws -> CoveragePeer? {
    guard let peer else { return nil }
    guard let found = CoveragePeer(rawValue: peer) else {
      throw usageFailure("--peer \(peer): only ucx is known")
    }
    if monitors != nil { throw usageFailure("--peer and --monitors exclude one another") }
    return found
  }

  private func wantedMonitors() throws -> String {
    if peer != nil { return "none" }
    let text = monitors ?? getenv("PINDOWN_MONITORS").map { String(cString: $0) } ?? "default"
    do {
      _ = try MonitorSet(parsing: text)
    } catch {
      throw usageFailure("--monitors \(text): a monitor of this name does not exist")
    }
    return text
  }

  private func writeOut(_ report: CoverageReport) throws {
    switch CoverageFormat(rawValue: format) {
    case .tsv: writeAll(STDOUT_FILENO, Array(report.tsv.utf8))
    case .json: writeAll(STDOUT_FILENO, report.json)
    case .text, nil: writeAll(STDOUT_FILENO, Array(CoverageTable(report).text.utf8))
    }
    if let plot { try TextFile.write(CoveragePlot(report).text, to: plot) }
  }
}
