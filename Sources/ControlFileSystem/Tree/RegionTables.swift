import Inspection
import VirtualMemory

/// The same regions as a table for people and as one JSON value.
enum RegionTables {
  static func table(
    _ name: String, _ documentation: String,
    _ fits: @escaping @Sendable (RegionSnapshot) -> Bool
  ) -> NodeDeclaration {
    .file(name, .table, unit: "bytes", documentation) { context throws(ControlError) in
      let snapshot = try context.snapshot()
      var table = Table(RegionText.columns, tabs: true)
      for region in try regions(context, fits) {
        table.addRow(RegionText.row(region, of: snapshot))
      }
      return table.finish(generation: snapshot.generation, isConsistent: snapshot.isConsistent)
    }
  }

  static func json(
    _ name: String, schema: String, _ documentation: String,
    _ fits: @escaping @Sendable (RegionSnapshot) -> Bool
  ) -> NodeDeclaration {
    .file(name, .json, unit: "bytes", documentation) { context throws(ControlError) in
      let snapshot = try context.snapshot()
      let regions = try regions(context, fits)
      var writer = JSONWriter()
      writer.object { writer in
        writer.member("schema", "pindown.\(schema)/\(Documentation.schemaVersion)")
        writer.member("generation", snapshot.generation)
        writer.member("consistent", snapshot.isConsistent)
        writer.array("regions") { writer in
          for region in regions {
            writer.object { RegionText.write(region, of: snapshot, to: &$0) }
          }
        }
      }
      return writer.finish()
    }
  }

  private static func regions(
    _ context: RenderContext, _ fits: (RegionSnapshot) -> Bool
  ) throws(ControlError) -> [RegionSnapshot] {
    let provider = UInt32(try context.provider().index)
    return try context.snapshot().regions
      .filter { $0.provider == provider && fits($0) }
      .sorted { ($0.range.start, $0.range.end) < ($1.range.start, $1.range.end) }
  }
}
