import ArgumentParser
import Pindown

/// `pindown benchmark`: what tracking, invalidation and lookup cost on this machine.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure what page tracking and the registration cache cost here.",
    discussion: """
      Each line is a median over rounds in which both sides were measured in turn, in one process; times of unmap and hit are the processor's, so that other programs \
      count little. \
      The unit is the end of a measurement's name. The exit status is 0 also where a bound does \
      not hold: what else the machine does decides that, too.
      """)

  @Option(help: "How to print: text, tsv, or json, one object for each line.")
  var format: BenchmarkReport.Format = .text

  @Option(help: "Rounds of each measurement.")
  var rounds = 31

  @Option(help: "Only measurements whose names begin with this: unmap, invalidation, memory, hit.")
  var only = ""

  func validate() throws {
    guard (1...10_000).contains(rounds) else {
      throw ValidationError("--rounds is from 1 to 10000")
    }
  }

  func run() throws {
    let report = BenchmarkReport(format: format)
    report.begin()
    do {
      if isWanted("memory") { try MemoryBenchmark().run(report.add) }
      if isWanted("unmap") { try UnmapBenchmark(rounds: rounds).run(report.add) }
      if isWanted("hit") { try HitBenchmark(rounds: rounds).run(report.add) }
      if isWanted("invalidation") {
        try InvalidationBenchmark(samples: rounds * 50).run(report.add)
      }
    } catch {
      throw failure("\(error)")
    }
  }

  private func isWanted(_ group: String) -> Bool {
    only.isEmpty || group.hasPrefix(only) || only.hasPrefix(group)
  }
}
