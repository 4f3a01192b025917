import Pindown

/// How much memory a secured region takes, however they lie.
struct MemoryBenchmark {
  private static let boundBytes = 64.0

  func run(_ add: (BenchmarkRow) -> Void) throws {
    for layout in SecuredLayout.all {
      for regions in [1_000, 100_000] {
        // A process for each: tables are kept once they have grown.
        let process = try RoleProcess(["benchmark-memory", layout.name, "\(regions)"])
        guard let bytes = Double(try process.answer().first ?? "") else {
          throw ToolError("no measure of memory")
        }
        process.end()
        add(
          BenchmarkRow(
            name: "memory_\(layout.name)_bytes_per_region", threads: 1, regions: regions,
            measured: bytes, bound: Self.boundBytes))
      }
    }
  }
}
