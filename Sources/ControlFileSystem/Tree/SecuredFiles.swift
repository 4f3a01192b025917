import Glibc
import Inspection
import VirtualMemory

/// `secured/` and the tables of the same: everything that is secured or pinned.
enum SecuredFiles {
  static let all = [
    NodeDeclaration.directory(
      "secured", "One folder per secured region.",
      [
        .directory(
          "<start>-<end>", mode: 0o500, "A secured region.",
          members: RegionFamily.members(\.isSecured), time: RegionFamily.registeredAt,
          [info, frames, nic, app])
      ]),
    RegionTables.table("secured.tsv", "The secured regions as a table with tabs.", \.isSecured),
    RegionTables.json(
      "secured.json", schema: "secured", "The secured regions as one JSON value.", \.isSecured),
  ]

  private static let info = dated(
    .file("info", .keyed, unit: "bytes", "Adapters, sockets, keys and references.") {
      context throws(ControlError) in
      let snapshot = try context.snapshot()
      let region = try context.region()
      var text = RegionText.describe(region, of: snapshot)
      for use in snapshot.registrations(of: region) {
        text.appendLine("socket", "\(use.socket) \(RegionText.describeUse(use, of: snapshot))")
      }
      return text
    })

  private static let frames = privileged(
    "frames", "Page by page: the frame that was pinned, the frame that is mapped now."
  ) { context throws(ControlError) in
    let region = try context.region()
    let pinned = try context.process().frames(of: region)
    let mapped = try Pagemap.frames(region.range, of: try context.process())
    var table = Table(["address", "nic_frame", "app_frame", "match"])
    for page in 0..<Int(region.range.pageCount) {
      let nic = pinned.flatMap { page < $0.count ? $0[page] : nil }
      table.addRow([
        address(page, region), FrameText.pinned(nic), FrameText.mapped(mapped[page]),
        FrameText.comparison(pinned: nic, mapped: mapped[page]),
      ])
    }
    return finish(&table, try context.snapshot())
  }

  private static let nic = privileged(
    "nic", "The page frames that were pinned: what the adapters reach."
  ) { context throws(ControlError) in
    let region = try context.region()
    let pinned = try context.process().frames(of: region)
    var table = Table(["address", "frame"])
    for page in 0..<Int(region.range.pageCount) {
      let frame = pinned.flatMap { page < $0.count ? $0[page] : nil }
      table.addRow([address(page, region), FrameText.pinned(frame)])
    }
    return finish(&table, try context.snapshot())
  }

  private static let app = privileged(
    "app", "The page frames that are mapped now: what the application reaches."
  ) { context throws(ControlError) in
    let region = try context.region()
    let mapped = try Pagemap.frames(region.range, of: try context.process())
    var table = Table(["address", "frame"])
    for page in 0..<Int(region.range.pageCount) {
      table.addRow([address(page, region), FrameText.mapped(mapped[page])])
    }
    return finish(&table, try context.snapshot())
  }

  private static func address(_ page: Int, _ region: RegionSnapshot) -> String {
    Text.address(region.range.start + UInt(page) << Page.shift)
  }

  private static func finish(_ table: inout Table, _ snapshot: ProcessSnapshot) -> TextBuffer {
    table.finish(generation: snapshot.generation, isConsistent: snapshot.isConsistent)
  }

  private static func dated(_ declaration: NodeDeclaration) -> NodeDeclaration {
    var declaration = declaration
    declaration.time = RegionFamily.registeredAt
    return declaration
  }

  /// A table with a line a page, which the kernel would show to a privileged reader only.
  private static func privileged(
    _ name: String, _ documentation: String, _ render: @escaping NodeDeclaration.Render
  ) -> NodeDeclaration {
    var file = dated(
      .file(name, .table, mode: 0o400, unit: "frames", documentation) {
        context throws(ControlError) in
        guard context.reader.isPrivileged else {
          throw ControlError(EACCES, "page frames are for a privileged reader")
        }
        guard try context.region().range.pageCount <= FrameText.maximumPages else {
          throw ControlError(EFBIG, "the region has more than \(FrameText.maximumPages) pages")
        }
        return try render(context)
      })
    file.isPrivileged = true
    return file
  }
}
