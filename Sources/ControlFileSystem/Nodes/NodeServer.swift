import CLinuxMemory
import Glibc
package import Inspection
import VirtualMemory

/// Answers what a kernel asks of a file system, for the tree of a catalog.
///
/// It knows nothing of FUSE: tests drive it without a mount. Every member may be called by any
/// thread; none waits, except for a process that is asked to do something (two seconds at most).
package final class NodeServer: Sendable {
  let catalog: Catalog
  let system: SystemView
  let table = NodeTable()
  let files = Handles<OpenFile>()
  let folders = Handles<[DirectoryEntry]>()
  let errors = LastErrors()
  let logs = Lock<[UInt32: EventLog]>([:])
  /// Who mounted, and when.
  let user = getuid()
  let group = getgid()
  let mountTime: UInt64

  /// - Parameter scanner: finds the processes to show.
  package init(_ scanner: ProcessScanner = ProcessScanner()) {
    system = SystemView(scanner)
    catalog = Catalog(root: Tree.root)
    mountTime = CLinuxMemory_realtime()
  }

  func context(
    _ reader: Reader, _ subject: Subject, use: SnapshotUse
  ) -> RenderContext {
    RenderContext(reader: reader, subject: subject, server: self, use: use)
  }

  /// The node that the kernel means. Throws ESTALE for one that it should have forgotten.
  func node(_ number: UInt64) throws(ControlError) -> Node {
    guard let node = table.node(number) else {
      throw ControlError(ESTALE, "the file is of an earlier time")
    }
    return node
  }

  func declaration(_ node: Node) -> NodeDeclaration { catalog.entries[node.entry].declaration }

  /// Finds a name in a folder.
  func child(
    of parent: Node, named name: String, reader: Reader, use: SnapshotUse = .structure
  ) throws(ControlError) -> Node {
    try checkExists(parent, reader: reader)
    for index in catalog.entries[parent.entry].children {
      let declaration = catalog.entries[index].declaration
      if let members = declaration.members {
        let found = try members(context(reader, parent.subject, use: use), name)
        if let member = found.first(where: { $0.name == name }) {
          return parent.child(name, entry: index, subject: member.subject)
        }
      } else if declaration.name == name {
        return parent.child(name, entry: index, subject: parent.subject)
      }
    }
    throw .gone
  }

  /// Throws ENOENT where what the path names has gone, or its name means another thing now.
  func checkExists(_ node: Node, reader: Reader) throws(ControlError) {
    guard let family = catalog.entries[node.entry].family,
      let members = catalog.entries[family].declaration.members
    else { return }
    let depth = catalog.entries[family].depth
    let name = String(node.path.split(separator: "/")[depth - 1])
    // Members are enumerated from the folder above; what that one is about is part of the subject.
    let found = try members(context(reader, node.subject, use: .structure), name)
    guard let member = found.first(where: { $0.name == name }), member.subject == node.subject
    else { throw .gone }
  }

  /// Looks up a name on behalf of the kernel, which will forget the node later.
  package func lookup(
    _ parent: UInt64, _ name: String, _ reader: Reader
  ) throws(ControlError) -> Attributes {
    let node = try child(of: try node(parent), named: name, reader: reader)
    var attributes = try attributes(of: node, reader: reader)
    attributes.number = table.remember(node)
    return attributes
  }

  package func forget(_ number: UInt64, _ count: UInt64) {
    table.forget(number, count)
  }

  package func attributes(_ number: UInt64, _ reader: Reader) throws(ControlError) -> Attributes {
    let node = try node(number)
    try checkExists(node, reader: reader)
    var attributes = try attributes(of: node, reader: reader)
    attributes.number = number
    return attributes
  }

  package func link(_ number: UInt64, _ reader: Reader) throws(ControlError) -> String {
    let node = try node(number)
    try checkExists(node, reader: reader)
    guard declaration(node).kind == .link else { throw .invalid("this is no link") }
    return String(decoding: try render(node, reader: reader, use: .structure), as: UTF8.self)
  }

  /// Renders the content of a file, or the target of a link.
  func render(
    _ node: Node, reader: Reader, use: SnapshotUse
  ) throws(ControlError) -> [UInt8] {
    guard let render = declaration(node).render else {
      throw ControlError(EISDIR, "this is a folder")
    }
    let bytes = try render(context(reader, node.subject, use: use)).bytes
    guard bytes.count <= Limits.snapshotBytes else {
      throw ControlError(EFBIG, "the file would have more than \(Limits.snapshotBytes) bytes")
    }
    return bytes
  }

  /// The log of what this user may see, as it was when somebody last looked.
  func knownLog(for reader: Reader) -> EventLog {
    let key = reader.isPrivileged ? 0 : reader.user
    return logs.withLock { logs in
      if let log = logs[key] { return log }
      if logs.count >= Limits.users { logs.removeAll() }
      let log = EventLog()
      logs[key] = log
      return log
    }
  }

  /// The same, up to date.
  func log(for reader: Reader) -> EventLog {
    let log = knownLog(for: reader)
    log.refresh(system.processes(visibleTo: reader)) { process in
      system.snapshot(of: process, use: .structure)
    }
    return log
  }
}
