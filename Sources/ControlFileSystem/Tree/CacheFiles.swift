import Inspection
import VirtualMemory

/// `cache/` and the tables of the same: the registrations that are cached or in use.
enum CacheFiles {
  static let all = [
    NodeDeclaration.directory(
      "cache", mode: 0o755, "One file per registration; removing one invalidates it.", [region]),
    RegionTables.table("cache.tsv", "The registrations as a table with tabs.", \.isCached),
    RegionTables.json(
      "cache.json", schema: "cache", "The registrations as one JSON value.", \.isCached),
  ]

  private static let region = {
    var file = NodeDeclaration.file(
      "<start>-<end>", .keyed, unit: "bytes",
      "A registration: its size is the region's length, its time when it was registered."
    ) { context throws(ControlError) in
      RegionText.describe(try context.region(), of: try context.snapshot())
    }
    file.members = RegionFamily.members(\.isCached)
    file.size = RegionFamily.length
    file.time = RegionFamily.registeredAt
    file.remove = { context throws(ControlError) in
      let range = try context.region().range
      let provider = try context.provider().name
      try Command.send(
        .invalidate(provider: provider, range: range), to: try context.process())
    }
    return file
  }()
}
