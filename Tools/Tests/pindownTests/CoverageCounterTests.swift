import Testing

/// The counter-proof of `pindown coverage`: without a monitor the cells that only it covers, or
/// only it covers in time, get worse.
@Suite(.serialized) struct CoverageCounterTests {
  /// What is measured with a monitor and without it.
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let with: String
    let without: String
    /// As the tool is asked for them; all of them are harmful.
    let cells: String
    let count: Int
    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "entries", with: "entries,dispatch,userfaultfd,audit",
      without: "dispatch,userfaultfd,audit",
      cells: "--kind free --kind mprotect-read --kind munmap --route inside --route wrapper",
      count: 3),
    Case(
      name: "dispatch", with: "entries,dispatch,userfaultfd,audit",
      without: "entries,userfaultfd,audit",
      cells: "--kind mprotect-read --kind munmap --route instruction --route code-page", count: 4),
    // With the audit a cell is not lost without it, only later.
    Case(
      name: "userfaultfd", with: "entries,dispatch,userfaultfd", without: "entries,dispatch",
      cells: "--kind madvise-dontneed --kind madvise-remove --route io_uring", count: 2),
    Case(
      name: "audit", with: "entries,dispatch,userfaultfd,audit",
      without: "entries,dispatch,userfaultfd",
      cells: "--kind ftruncate --kind punch-hole --route io_uring --route process", count: 4),
  ]

  /// From the best to the worst.
  private static let outcomes = ["before", "during", "after", "at-next-use", "never"]

  private struct Cell {
    let name: String
    let rank: Int
    let reporter: String
    let use: String
  }

  private static func measure(_ cells: String, monitors: String) throws -> [Cell] {
    let result = Program.run(
      "PINDOWN_AUDIT_MILLISECONDS=50 pindown coverage --format tsv --monitors \(monitors) \(cells)")
    return try result.lines.dropFirst().map { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let rank = try #require(outcomes.firstIndex(of: fields[2]), "\(line)")
      return Cell(
        name: "\(fields[0]) \(fields[1])", rank: rank, reporter: fields[3], use: fields[6])
    }
  }

  @Test(arguments: cases)
  func aMonitorThatIsSwitchedOffIsMissed(_ measured: Case) throws {
    let with = try Self.measure(measured.cells, monitors: measured.with)
    let without = try Self.measure(measured.cells, monitors: measured.without)
    #expect(with.count == measured.count)
    #expect(with.map(\.name) == without.map(\.name))
    for (with, without) in zip(with, without) {
      #expect(with.reporter == measured.name, "\(with)")
      #expect(without.reporter != measured.name, "\(without)")
      #expect(with.rank < without.rank, "\(with) \(without)")
      #expect(with.use != "stale", "\(with)")
    }
  }

  /// With `strict` the same cells can all not be used after the change; the audit at every use is
  /// what the last of them need.
  @Test func strictLeavesNoneOfThemToBeUsed() throws {
    let atNextUse = try #require(Self.outcomes.firstIndex(of: "at-next-use"))
    for measured in Self.cases {
      for cell in try Self.measure(measured.cells, monitors: "strict") {
        #expect(cell.rank <= atNextUse && Self.outcomes[cell.rank] != "after", "\(cell)")
        #expect(cell.use != "stale", "\(cell)")
        if measured.name == "audit" { #expect(cell.rank == atNextUse, "\(cell)") }
      }
    }
  }
}
