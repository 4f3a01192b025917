import Glibc

/// Performs the cells, each in a process of its own, a few of them at a time.
struct CoverageRun {
  private let settings: CoverageSettings

  init(_ settings: CoverageSettings) {
    self.settings = settings
  }

  func run() throws -> CoverageReport {
    let count = min(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), 8)
    let lanes = (0..<count).map { CoverageLane(settings, first: $0, step: count) }
    let threads = lanes.map { lane in SystemThread { lane.run() } }
    for thread in threads { thread.join() }
    if let failure = lanes.compactMap(\.failure).first { throw failure }
    let results = lanes.flatMap(\.results).sorted { $0.key < $1.key }.map(\.value)
    return CoverageReport(settings: settings, results: results)
  }
}

/// Every so many-th cell, one after the other. Used by one thread until that is joined.
private final class CoverageLane: @unchecked Sendable {
  private let settings: CoverageSettings
  private let indices: [Int]
  private(set) var results: [Int: CoverageResult] = [:]
  /// Why none of the cells can be performed.
  private(set) var failure: ToolError?

  init(_ settings: CoverageSettings, first: Int, step: Int) {
    self.settings = settings
    indices = Array(stride(from: first, to: settings.cells.count, by: step))
  }

  func run() {
    for index in indices {
      do {
        results[index] = try CoverageProcess.perform(settings.cells[index], settings)
      } catch let error as ToolError {
        failure = error
        return
      } catch {
        failure = ToolError("\(error)")
        return
      }
    }
  }
}
