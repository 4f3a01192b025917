import ArgumentParser
import Pindown

/// `pindown benchmark`: what tracking, invalidation and lookup cost on this machine.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure what page tracking and the registration cache cost here.",
    discussion: """
      Each line is a median over pairs: both sides are measured one right after the other, hundreds \
      of times, in one process, and a pair of which the order changes says what one costs more than \
      the other. `ratio` is the median of the pairs' ratios, and between `low` and `high` lies, with \
      19 chances in 20, what `more` (else `measured`) is a measure of. While the bound lies between \
      them, too, up to eight times as many pairs are taken. Times of unmap and hit are the \
      processor's, so that other programs count little. The unit is the end of a measurement's name.

      The exit status is 1 where a bound does not hold, and the last line on standard error says \
      which; with --no-check it is 0. What else the machine does decides that, too: this is \
      for people to run, not for tests.
      """)

  @Option(help: "How to print: text, tsv, or json, one object for each line.")
  var format: BenchmarkReport.Format = .text

  @Option(help: "Rounds of each measurement: some pairs, of less than a millisecond each.")
  var rounds = 31

  @Flag(inversion: .prefixedNo, help: "Exit with status 1 where a bound does not hold.")
  var check = true

  @Option(help: "Ask for bounds that are this much of what is promised.")
  var boundPercent = 100

  @Option(help: "Only measurements whose names begin with this: unmap, invalidation, memory, hit.")
  var only = ""

  func validate() throws {
    guard (1...10_000).contains(rounds) else {
      throw ValidationError("--rounds is from 1 to 10000")
    }
    guard (1...10_000).contains(boundPercent) else {
      throw ValidationError("--bound-percent is from 1 to 10000")
    }
  }

  func run() throws {
    let report = BenchmarkReport(format: format)
    var failed: [BenchmarkRow] = []
    func add(_ measured: BenchmarkRow) {
      guard isWanted(measured.name) else { return }
      var row = measured
      row.bound = row.bound.map { $0 * Double(boundPercent) / 100 }
      report.add(row)
      if row.isWithinBound == false { failed.append(row) }
    }
    report.begin()
    do {
      if isWanted("memory") { try MemoryBenchmark().run(add) }
      if isWanted("unmap") { try UnmapBenchmark(rounds: rounds).run(add) }
      if isWanted("hit") { try HitBenchmark(rounds: rounds).run(add) }
      if isWanted("invalidation") {
        try InvalidationBenchmark(samples: rounds * 50).run(add)
      }
    } catch {
      throw failure("\(error)")
    }
    if check, let complaint = BenchmarkReport.complaint(about: failed) { throw failure(complaint) }
  }

  private func isWanted(_ group: String) -> Bool {
    only.isEmpty || group.hasPrefix(only) || only.hasPrefix(group)
  }
}
