import Glibc
import Testing

/// `pindown coverage` in a process of its own, for a handful of its cells.
@Suite(.serialized) struct CoverageTests {
  /// What the tool is asked for.
  private static let cells = """
    --kind munmap --kind munmap-spanning --kind madvise-dontneed --kind mprotect-read --kind free \
    --kind ftruncate --route wrapper --route inside --route instruction
    """

  private static func rows(_ result: Program.Result) -> [[String]] {
    result.lines.map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The outcome of each cell by `kind route`.
  private static func outcomes(_ rows: [[String]]) -> [String: String] {
    Dictionary(uniqueKeysWithValues: rows.dropFirst().map { ("\($0[0]) \($0[1])", $0[2]) })
  }

  /// Those of them that go through libc.
  private static let all = [
    "munmap wrapper", "munmap-spanning wrapper", "madvise-dontneed wrapper",
    "mprotect-read wrapper", "free inside",
  ]

  @Test func entriesAreBeforeTheChange() {
    let line = "pindown coverage --monitors entries --format tsv"
    let seen = Program.run("\(line) --kind munmap --kind mprotect-read --route wrapper")
    #expect(seen.status == 0, "\(seen.errors)")
    let result = Program.run("\(line) \(Self.cells)")
    let rows = Self.rows(result)
    #expect(
      rows.first == [
        "kind", "route", "outcome", "by", "microseconds", "effect", "use", "note",
      ])
    #expect(rows.allSatisfy { $0.count == 8 })
    let outcomes = Self.outcomes(rows)
    for cell in Self.all { #expect(outcomes[cell] == "before", "\(cell)") }
    for row in rows where row[2] == "before" {
      #expect(row[3] == "entries")
      #expect(UInt64(row[4]) != nil)
      #expect(row[6] == (row[0] == "mprotect-read" ? "refused" : "fresh"))
    }
  }

  /// What the entries cannot see: so a table in which every cell reads "before" would be a lie.
  @Test func entriesMissWhatPassesThemBy() {
    let result = Program.run("pindown coverage --monitors entries --format tsv \(Self.cells)")
    let outcomes = Self.outcomes(Self.rows(result))
    for cell in ["munmap instruction", "madvise-dontneed instruction", "ftruncate instruction"] {
      #expect(outcomes[cell] == "never", "\(cell)")
    }
    #expect(result.status == 1)
  }

  /// The counter-test: the same cells with nobody watching.
  @Test func withoutMonitorsOldContentArrives() {
    let result = Program.run("pindown coverage --monitors none --format tsv \(Self.cells)")
    #expect(result.status == 1)
    let rows = Self.rows(result)
    #expect(rows.count > Self.all.count)
    for row in rows.dropFirst() {
      #expect(row[2] == "never", "\(row)")
      #expect(row[3] == "-")
      #expect(row[6] == "stale", "\(row)")
    }
  }

  @Test(.enabled(if: getuid() == 0, "frames are shown to root"))
  func whatHappensToThePagesIsSeen() {
    let line = "pindown coverage --monitors none --format tsv --route wrapper"
    let kinds = [
      ("munmap", "unmapped"), ("madvise-dontneed", "pages-gone"), ("mprotect-none", "access-lost"),
      ("remap-file-pages", "frames-changed"), ("mremap-grow", "none"), ("madvise-free", "none"),
    ]
    let names = kinds.map { "--kind \($0.0)" }.joined(separator: " ")
    let rows = Self.rows(Program.run("\(line) \(names)"))
    for (kind, effect) in kinds {
      #expect(rows.first { $0[0] == kind }?[5] == effect, "\(kind)")
    }
    #expect(Self.outcomes(rows)["mremap-grow wrapper"] == "harmless")
  }

  @Test func jsonIsRead() {
    let line = "pindown coverage --monitors none --format json --kind munmap --route wrapper"
    let query = """
      [.monitors, .cells[0].kind, .cells[0].outcome, .cells[0].microseconds, .summary.harmful, \
      .summary.outcomes.never] | map(tostring) | join(" ")
      """
    let result = Program.run("\(line) | jq -r '\(query)'; exit ${PIPESTATUS[0]}")
    #expect(result.lines == ["none munmap never null 1 1"])
    #expect(result.status == 1)
  }

  @Test func textHasTheTableALegendAndTheSums() {
    let result = Program.run("pindown coverage --monitors entries --kind munmap")
    let table = result.lines.first { $0.hasPrefix("munmap ") }
    #expect(
      table?.split(separator: " ").map(String.init) == [
        "munmap", "before", "e", "before", "e", "NEVER", "NEVER", "before", "e", "before", "e",
        "unmapped",
      ])
    #expect(result.lines.contains { $0.hasPrefix("NEVER") && $0.contains("not told") })
    #expect(
      result.lines.last
        == "harmful cells 6: before 4, during 0, after 0, at next use 0, never 2, not possible 0")
  }

  @Test func thePictureHasACellForEach() {
    let file = "/tmp/pindown-coverage-\(getpid()).svg"
    defer { unlink(file) }
    let line = "pindown coverage --monitors entries --kind munmap --route wrapper --plot \(file)"
    #expect(Program.run(line).status == 0)
    let text = Program.contents(file)
    #expect(text.hasPrefix("<svg ") && text.hasSuffix("</svg>\n"))
    #expect(text.contains(">before e</text>"))
    #expect(text.contains(">munmap</text>") && text.contains(">wrapper</text>"))
    let openings = text.split(separator: "<text").count - 1
    #expect(openings == text.split(separator: "</text>").count - 1)
    let failed = Program.run("pindown coverage --kind munmap --route wrapper --plot /nowhere/x.svg")
    #expect(failed.status == 1)
    #expect(failed.errors == "pindown: cannot write /nowhere/x.svg: No such file or directory\n")
  }

  @Test(arguments: [
    ("--monitors entries,psychic", "psychic"), ("--kind frobnicate", "frobnicate"),
    ("--route telepathy", "telepathy"), ("--format xml", "xml"), ("--peer verbs", "verbs"),
    ("--kind dlclose --route signal", "cannot come by this route"), ("--limit 0", "--limit"),
    ("--peer ucx --monitors entries", "exclude"),
  ])
  func badArgumentsGetOneLine(_ arguments: String, _ text: String) {
    let result = Program.run("pindown coverage \(arguments)")
    #expect(result.status == 64)
    #expect(result.output == "")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(result.errors.hasPrefix("pindown: ") && result.errors.contains(text))
  }

  @Test func whatCannotWorkAtAllIsOneLine() {
    let result = Program.run("PINDOWN_NICS=mem0=10.77.0.1/24 pindown coverage --kind munmap")
    #expect(result.status == 1)
    #expect(result.output == "")
    #expect(result.errors == "pindown: two NICs are needed; see PINDOWN_NICS\n")
  }

  /// With UCX, its own hooks are measured; without, one line says what is missing.
  @Test func theHooksOfUCX() {
    let line = "pindown coverage --peer ucx --kind munmap --route wrapper --route syscall"
    let result = Program.run("\(line) --format tsv")
    #expect(result.status == 1)
    if Program.run("ldconfig -p | grep -q libucm.so").status == 0 {
      let rows = Self.rows(result)
      #expect(Self.outcomes(rows) == ["munmap wrapper": "before", "munmap syscall": "never"])
      #expect(rows.dropFirst().first?[3] == "ucx")
    } else {
      #expect(result.errors.hasPrefix("pindown: UCX is not installed: "))
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }
}
