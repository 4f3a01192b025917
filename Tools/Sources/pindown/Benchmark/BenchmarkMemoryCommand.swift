import ArgumentParser
import Pindown

/// The part of the benchmark that needs a process of its own: how much memory this one has more
/// when regions are secured.
struct BenchmarkMemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark-memory", shouldDisplay: false)

  @Argument var layout: SecuredLayout
  @Argument var regions: Int

  func run() throws {
    _ = Role.begin {
      let field = try SecuredField(count: regions, bytes: layout.bytes, distance: layout.distance)
      // Once for what is made at the first use.
      _ = try Self.anonymousBytes()
      let before = try Self.anonymousBytes()
      try field.secure()
      let after = try Self.anonymousBytes()
      return (field, ["\(Double(after - before) / Double(regions))"])
    }
  }

  /// Anonymous memory of this process that is there.
  private static func anonymousBytes() throws -> Int {
    for line in try TextFile.lines("/proc/self/smaps_rollup") where line.hasPrefix("Anonymous:") {
      let fields = line.split(separator: " ")
      if fields.count >= 2, let kibibytes = Int(fields[1]) { return kibibytes * 1024 }
    }
    throw ToolError("/proc/self/smaps_rollup does not say how much is anonymous")
  }
}
