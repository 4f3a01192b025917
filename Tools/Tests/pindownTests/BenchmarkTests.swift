import Testing

/// Goal: the benchmark measures everything it names, in every format. Its times are not judged here.
@Suite struct BenchmarkTests {
  @Test func everyMeasurementIsALine() {
    let result = Program.run("pindown benchmark --rounds 1 --format tsv", seconds: 120)
    #expect(result.status == 0, "\(result.errors)")
    let columns = [
      "measurement", "threads", "regions", "without", "measured", "more", "bound", "holds",
    ]
    #expect(result.lines.first?.split(separator: "\t").map(String.init) == columns)
    for name in ["memory_adjacent_64kib_bytes_per_region", "unmap_munmap_ns", "hit_random_ns"] {
      #expect(result.lines.contains { $0.hasPrefix("\(name)\t") }, "\(name)")
    }
    #expect(result.lines.contains { $0.hasPrefix("invalidation_on_two_nics_ns\t1\t1\t") })
  }

  @Test func memoryForTrackingStaysWithinItsBound() {
    let result = Program.run(
      "pindown benchmark --only memory --format json | jq -r '\(Self.query)'")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.count(where: { $0.contains("adjacent") }) == 2, "\(result.output)")
  }

  /// A bit for each page in between is what regions far apart cost more.
  private static let query = "select(.measured <= .bound) | .measurement"

  @Test func badOptionsAreRefused() {
    #expect(Program.run("pindown benchmark --rounds 0").status == 64)
    #expect(Program.run("pindown benchmark --format xml").status == 64)
  }
}
