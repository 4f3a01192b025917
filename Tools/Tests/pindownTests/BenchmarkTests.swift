import Testing

/// Goal: the benchmark measures everything it names, in every format. Its times are not judged here.
@Suite struct BenchmarkTests {
  @Test func everyMeasurementIsALine() {
    let result = Program.run("pindown benchmark --no-check --rounds 1 --format tsv", seconds: 120)
    #expect(result.status == 0, "\(result.errors)")
    let columns = [
      "measurement", "threads", "regions", "without", "measured", "more", "bound", "holds",
      "ratio", "low", "high",
    ]
    #expect(result.lines.first?.split(separator: "\t").map(String.init) == columns)
    for name in ["memory_adjacent_64kib_bytes_per_region", "unmap_munmap_ns", "hit_random_ns"] {
      #expect(result.lines.contains { $0.hasPrefix("\(name)\t") }, "\(name)")
    }
    #expect(result.lines.contains { $0.hasPrefix("invalidation_on_two_nics_ns\t1\t1\t") })
  }

  /// For every layout, few regions and many.
  @Test func memoryForTrackingStaysWithinItsBound() {
    let result = Program.run(
      "pindown benchmark --only memory --no-check --format json | jq -r '\(Self.query)'")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.count(where: { $0.hasPrefix("memory_") }) == 16, "\(result.output)")
  }

  private static let query = "select(.measured <= .bound) | .measurement"

  /// One line and the status say so where a bound does not hold: here where half is asked for.
  @Test func aBoundThatFailsIsSaid() {
    let command = "pindown benchmark --only memory_adjacent_pages --bound-percent 50"
    let result = Program.run(command)
    #expect(result.status == 1)
    #expect(result.complaints.count == 1, "\(result.errors)")
    #expect(result.errors.contains("memory_adjacent_pages_bytes_per_region"))
    #expect(result.errors.contains("at most 32.0"))
    #expect(Program.run(command + " --no-check").status == 0)
    #expect(Program.run("pindown benchmark --only memory_adjacent_pages").status == 0)
  }

  @Test func badOptionsAreRefused() {
    #expect(Program.run("pindown benchmark --rounds 0").status == 64)
    #expect(Program.run("pindown benchmark --format xml").status == 64)
    #expect(Program.run("pindown benchmark --bound-percent 0").status == 64)
  }
}
