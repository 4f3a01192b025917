import Glibc
import Inspection

extension NodeServer {
  func attributes(of node: Node, reader: Reader) throws(ControlError) -> Attributes {
    let declaration = declaration(node)
    let context = context(reader, node.subject, use: .structure)
    let time = try changeTime(of: node, context)
    return Attributes(
      number: node.number,
      mode: declaration.kind.typeBits | declaration.mode,
      user: declaration.isPrivileged ? 0 : node.subject.owner ?? user,
      group: group,
      size: try size(of: node, context),
      time: time,
      links: declaration.kind == .directory ? 2 : 1,
      validSeconds: declaration.isConstant ? Limits.constantSeconds : 0)
  }

  /// The size to show.
  ///
  /// To who has the file open it is what there is to read: that is what tools which copy a file
  /// by its size, or follow it, go by. To others it is what the declaration says: the length of
  /// a region for its file.
  private func size(of node: Node, _ context: RenderContext) throws(ControlError) -> UInt64 {
    let declaration = declaration(node)
    if declaration.kind == .directory { return 0 }
    let open = files.last { $0.node == node && $0.reader == context.reader }
    if let (handle, file) = open { return UInt64(visibleSize(handle, file)) }
    if let size = declaration.size { return try size(context) }
    if declaration.kind == .log {
      let extent = log(for: context.reader).extent
      return UInt64(EventLog.header.count + extent.end - extent.start)
    }
    return UInt64(try render(node, reader: context.reader, use: .structure).count)
  }

  private func visibleSize(_ handle: UInt64, _ file: OpenFile) -> Int {
    switch file.content {
    case .snapshot(let bytes): return bytes.count
    case .log(var position):
      // Who has read and looks at the size asks whether there is more.
      if position.hasRead {
        position.end = max(position.end, log(for: file.reader).extent.end)
        var file = file
        file.content = .log(position)
        files.replace(handle, with: file)
      }
      return EventLog.header.count + position.end - position.base
    }
  }

  private func changeTime(of node: Node, _ context: RenderContext) throws(ControlError) -> UInt64 {
    let declaration = declaration(node)
    if let time = declaration.time { return try time(context) }
    if declaration.kind == .log { return max(mountTime, log(for: context.reader).extent.lastTime) }
    guard node.subject.process != nil else { return mountTime }
    return try context.snapshot().publishedAt
  }

  /// Accepts what a shell does to a file before it writes to it, and touch: sizes and times of
  /// writable files. Owners and modes stay.
  package func checkSetAttributes(
    _ number: UInt64, changesOwnerOrMode: Bool, _ reader: Reader
  ) throws(ControlError) {
    let node = try node(number)
    if changesOwnerOrMode {
      throw ControlError(EPERM, "owners and modes follow from the processes")
    }
    guard declaration(node).apply != nil else {
      throw ControlError(EACCES, "the file cannot be written")
    }
  }
}
