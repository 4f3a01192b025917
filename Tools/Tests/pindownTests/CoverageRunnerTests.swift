import Glibc
import Testing

@testable import pindown

/// What becomes of a cell whose process dies, hangs or talks nonsense; and of the results.
@Suite struct CoverageRunnerTests {
  /// Performs every cell by a line of shell.
  private func report(
    _ line: String, cells: Int = 3, limit: Duration = .seconds(20)
  ) throws -> CoverageReport {
    let program = "/tmp/pindown-coverage-cell-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    try TextFile.write("#!/bin/sh\n\(line)\n", to: program)
    chmod(program, 0o700)
    defer { unlink(program) }
    let settings = CoverageSettings(
      cells: Array(CoverageCell.all.prefix(cells)), monitors: "none", limit: limit,
      program: program)
    return try CoverageRun(settings).run()
  }

  @Test func aCellThatDiesDoesNotStopTheOthers() throws {
    let report = try report("kill -SEGV $$")
    #expect(report.results.map(\.outcome) == [.crashed, .crashed, .crashed])
    #expect(report.results.allSatisfy { $0.note == "signal 11" })
    #expect(!report.isGood)
    #expect(report.summary.hasSuffix("not possible 0, crashed 3"))
    #expect(try self.report("exit 3").results[0].note == "exit status 3")
    #expect(try self.report("echo nonsense").results[0].outcome == .crashed)
  }

  @Test func aCellThatHangsIsKilled() throws {
    let report = try report("exec sleep 1000", cells: 1, limit: .milliseconds(100))
    #expect(report.results.map(\.outcome) == [.hung])
    #expect(!report.isGood)
  }

  @Test func whatStopsEveryCellStopsTheRun() {
    #expect(throws: ToolError.self) { try report("printf 'failure\\tno NICs\\n'") }
  }

  @Test func resultsKeepTheirOrderAndSurviveTheirLine() throws {
    let line = "printf '%s\\t%s\\tafter\\taudit\\t1500\\tpages-gone\\tfresh\\t-\\n' kind$2 route"
    let report = try report(line, cells: 7)
    #expect(report.results.map(\.kind) == (0..<7).map { "kind\($0)" })
    let result = try #require(report.results.first)
    #expect(result.outcome == .after && result.by == ["audit"] && result.microseconds == 1500)
    #expect(result.effect == .pagesGone && result.use == .fresh && result.note == "")
    #expect(result.line == "kind0\troute\tafter\taudit\t1500\tpages-gone\tfresh\t-")
    #expect(report.isGood && report.harmfulCount == 7)
    #expect(CoverageResult(line: "kind\troute") == nil)
  }

  @Test func lateReportsSayWithinHowLong() throws {
    let cells = CoverageCell.all.filter { $0.kind == "ftruncate" }.prefix(2)
    let results = cells.enumerated().map { index, cell in
      var result = CoverageResult(cell, .after)
      result.by = ["audit"]
      result.microseconds = 1500 + UInt64(index) * 1000
      return result
    }
    let settings = CoverageSettings(cells: Array(cells), monitors: "audit", limit: .seconds(1))
    let text = CoverageTable(CoverageReport(settings: settings, results: results)).text
    #expect(text.contains("after  ftruncate: told by audit within 2.50 ms (wrapper, syscall)"))
  }

  /// Every kind that the table promises is there, by each of its routes once.
  @Test func theTableOfCellsIsSound() {
    #expect(Set(CoverageCell.all.map { "\($0.kind) \($0.route)" }).count == CoverageCell.all.count)
    #expect(Set(CoverageCell.kinds).count == CoverageCell.kinds.count)
    let routes = Set(CoverageCell.all.map(\.route))
    #expect(routes == Set(CoverageCell.routes.map(\.name)))
    #expect(CoverageCell.all.indices.allSatisfy { CoverageCell.all[$0].index == $0 })
  }
}
