import Pindown

/// How much memory a secured region, and a cached one, takes.
struct MemoryBenchmark {
  private static let regions = 65_536
  private static let boundBytes = 64.0

  func run(_ add: (BenchmarkRow) -> Void) throws {
    for layout in SecuredLayout.allCases {
      // A process for each: tables are kept once they have grown.
      let process = try RoleProcess(["benchmark-memory", layout.rawValue, "\(Self.regions)"])
      guard let bytes = Double(try process.answer().first ?? "") else {
        throw ToolError("no measure of memory")
      }
      process.end()
      add(
        BenchmarkRow(
          name: "memory_\(layout.rawValue)_bytes_per_region", threads: 1, regions: Self.regions,
          measured: bytes, bound: Self.boundBytes))
    }
  }
}
