import Glibc
import Inspection

extension NodeServer {
  /// Opens a folder: its names as they are now.
  package func openFolder(_ number: UInt64, _ reader: Reader) throws(ControlError) -> UInt64 {
    let node = try node(number)
    try checkExists(node, reader: reader)
    guard declaration(node).kind == .directory else {
      throw ControlError(ENOTDIR, "this is no folder")
    }
    var entries = [
      DirectoryEntry(name: ".", number: number, type: UInt32(S_IFDIR)),
      DirectoryEntry(name: "..", number: Node.rootNumber, type: UInt32(S_IFDIR)),
    ]
    for index in catalog.entries[node.entry].children {
      let declaration = catalog.entries[index].declaration
      let members =
        try declaration.members?(context(reader, node.subject, use: .content), nil)
        ?? [Member(name: declaration.name, subject: node.subject)]
      entries += members.map { member in
        let child = node.child(member.name, entry: index, subject: member.subject)
        return DirectoryEntry(
          name: member.name, number: child.number, type: declaration.kind.typeBits)
      }
    }
    return try folders.open(entries)
  }

  package func entries(_ handle: UInt64) throws(ControlError) -> [DirectoryEntry] {
    try folders.value(handle)
  }

  package func closeFolder(_ handle: UInt64) {
    folders.close(handle)
  }

  /// Opens a file and renders what it will give.
  ///
  /// - Parameter forWriting: whether it is opened for writing only; then nothing is rendered.
  package func open(
    _ number: UInt64, forWriting: Bool, _ reader: Reader
  ) throws(ControlError) -> UInt64 {
    let node = try node(number)
    try checkExists(node, reader: reader)
    let fingerprint = fingerprint(of: node, reader)
    let content: OpenFile.Content
    if forWriting {
      content = .snapshot([])
    } else if declaration(node).kind == .log {
      let extent = log(for: reader).extent
      content = .log(LogPosition(base: extent.start, end: extent.end))
    } else {
      content = .snapshot(try render(node, reader: reader, use: .content))
    }
    return try files.open(
      OpenFile(node: node, reader: reader, content: content, fingerprint: fingerprint))
  }

  /// Whether the kernel may keep what it reads: only of what never changes.
  package func isConstant(_ number: UInt64) -> Bool {
    table.node(number).map { declaration($0).isConstant } ?? false
  }

  package func read(
    _ handle: UInt64, offset: Int, count: Int
  ) throws(ControlError) -> [UInt8] {
    guard offset >= 0, count >= 0 else { throw .invalid("a negative offset") }
    var file = try files.value(handle)
    if file.isPolled, offset == 0, case .snapshot = file.content {
      // A monitor starts over after it was woken.
      file.fingerprint = fingerprint(of: file.node, file.reader)
      file.content = .snapshot(try render(file.node, reader: file.reader, use: .content))
      files.replace(handle, with: file)
    }
    switch file.content {
    case .snapshot(let bytes):
      let start = min(offset, bytes.count)
      return Array(bytes[start..<start + min(count, bytes.count - start)])
    case .log(let position):
      return try read(handle, file, position, offset: offset, count: count)
    }
  }

  /// Reads the log. The first read at the end says so, and `cat` ends; who then reads again at the
  /// end follows, and is given what came since.
  private func read(
    _ handle: UInt64, _ file: OpenFile, _ position: LogPosition, offset: Int, count: Int
  ) throws(ControlError) -> [UInt8] {
    var position = position
    let header = EventLog.header
    if offset >= header.count + position.end - position.base {
      if position.hasSeenEnd { position.end = max(position.end, log(for: file.reader).extent.end) }
      position.hasSeenEnd = offset >= header.count + position.end - position.base
    } else {
      position.hasSeenEnd = false
    }
    position.hasRead = true
    var file = file
    file.content = .log(position)
    files.replace(handle, with: file)
    // A read that gives less than was asked for is taken for the end: the line of columns and what
    // follows are one.
    let stop = min(offset + count, header.count + position.end - position.base)
    guard offset < stop else { return [] }
    let columns = header[min(offset, header.count)..<min(stop, header.count)]
    let start = max(offset, header.count) - header.count + position.base
    let end = max(stop, header.count) - header.count + position.base
    guard let bytes = knownLog(for: file.reader).bytes(start..<end) else {
      throw ControlError(ENODATA, "these events are no longer kept; open the file again")
    }
    return columns + bytes
  }

  package func close(_ handle: UInt64) {
    files.close(handle)
  }

  /// Whether something has changed since the reader last looked. From now on the reader is one who
  /// waits for changes.
  package func isReady(_ handle: UInt64) throws(ControlError) -> Bool {
    var file = try files.value(handle)
    if !file.isPolled {
      file.isPolled = true
      files.replace(handle, with: file)
    }
    switch file.content {
    case .log(let position):
      return !position.hasSeenEnd || log(for: file.reader).extent.end > position.end
    case .snapshot:
      return fingerprint(of: file.node, file.reader) != file.fingerprint
    }
  }

  /// What changes whenever one of the processes that a file is about has changed something.
  private func fingerprint(of node: Node, _ reader: Reader) -> Int {
    guard let identity = node.subject.process else {
      return system.fingerprint(of: system.processes(visibleTo: reader))
    }
    return system.fingerprint(of: system.process(identity).map { [$0] } ?? [])
  }
}
