import Glibc

/// The process of one cell.
enum CoverageProcess {
  /// Before the reason why no cell at all can be performed.
  static let failureMark = "failure\t"

  /// Performs the cell. Throws where no cell can be performed; a crash is a result.
  static func perform(
    _ cell: CoverageCell, _ settings: CoverageSettings
  ) throws -> CoverageResult {
    let (answers, output) = try Spawn.pipe()
    defer { close(answers) }
    var arguments = ["pindown", "coverage-cell", "\(cell.index)"]
    if let peer = settings.peer { arguments += ["--peer", peer.rawValue] }
    let process: pid_t
    do {
      defer { close(output) }
      process = try Spawn.start(
        arguments, program: settings.program, output: output,
        environment: [
          "PINDOWN_MONITORS": settings.monitors, "PINDOWN_DMA": "strict",
          "SWIFT_BACKTRACE": "enable=no",
        ])
    }
    guard let line = try? LineReader(answers).next(within: settings.limit) else {
      return ended(cell, process)
    }
    _ = Spawn.wait(process)
    if line.hasPrefix(failureMark) { throw ToolError(String(line.dropFirst(failureMark.count))) }
    guard let result = CoverageResult(line: line) else {
      return CoverageResult(cell, .crashed, note: "its answer makes no sense")
    }
    return result
  }

  /// It has died, or it hangs.
  private static func ended(_ cell: CoverageCell, _ process: pid_t) -> CoverageResult {
    var status: Int32 = 0
    // What died has closed its output a moment before it can be waited for.
    let end = Moment(after: .seconds(1))
    while !end.hasPassed {
      if waitpid(process, &status, WNOHANG) == process {
        let signal = status & 0x7F
        return CoverageResult(
          cell, .crashed,
          note: signal != 0 ? "signal \(signal)" : "exit status \(status >> 8 & 0xFF)")
      }
      _ = poll(nil, 0, 5)
    }
    kill(process, SIGKILL)
    _ = Spawn.wait(process)
    return CoverageResult(cell, .hung)
  }
}
