import ControlFileSystem
import Glibc
import Inspection

/// Asks a node server what a kernel would ask, by paths, without a mount.
struct FakeKernel {
  let server: NodeServer
  var user: UInt32
  /// The thread on whose behalf it asks.
  var thread: Int32 = 100

  /// Shows this process, and children of the test, alone: what others of the machine publish
  /// meanwhile is none of its business.
  init(user: UInt32 = getuid(), children: Set<Int32> = []) {
    server = NodeServer(ProcessScanner(candidates: children.union([getpid()])))
    self.user = user
  }

  var reader: Reader { Reader(user: user, thread: thread) }

  /// Looks up every part of a path; the caller does not need to forget.
  func attributes(_ path: String) throws(ControlError) -> Attributes {
    var found = try server.attributes(1, reader)
    var numbers: [UInt64] = []
    defer { for number in numbers { server.forget(number, 1) } }
    for name in path.split(separator: "/") {
      found = try server.lookup(found.number, String(name), reader)
      numbers.append(found.number)
    }
    // Once more by number, as stat() does when the name is known.
    return try server.attributes(found.number, reader)
  }

  /// Runs `body` with the number of a node while the kernel knows it.
  func withNumber<Result>(
    _ path: String, _ body: (UInt64) throws(ControlError) -> Result
  ) throws(ControlError) -> Result {
    var number: UInt64 = 1
    var numbers: [UInt64] = []
    defer { for number in numbers { server.forget(number, 1) } }
    for name in path.split(separator: "/") {
      number = try server.lookup(number, String(name), reader).number
      numbers.append(number)
    }
    return try body(number)
  }

  func names(_ path: String) throws(ControlError) -> [String] {
    try withNumber(path) { number throws(ControlError) in
      let handle = try server.openFolder(number, reader)
      defer { server.closeFolder(handle) }
      return try server.entries(handle).map(\.name).filter { $0 != "." && $0 != ".." }
    }
  }

  func open(_ path: String, forWriting: Bool = false) throws(ControlError) -> UInt64 {
    try withNumber(path) { number throws(ControlError) in
      try server.open(number, forWriting: forWriting, reader)
    }
  }

  /// Reads until there is no more, as `cat` does.
  func text(_ path: String, chunk: Int = 4096) throws(ControlError) -> String {
    let handle = try open(path)
    defer { server.close(handle) }
    return try rest(handle, from: 0, chunk: chunk)
  }

  func rest(_ handle: UInt64, from offset: Int, chunk: Int = 4096) throws(ControlError) -> String {
    var bytes: [UInt8] = []
    while true {
      let more = try server.read(handle, offset: offset + bytes.count, count: chunk)
      if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
      bytes += more
    }
  }

  func write(_ text: String, to path: String) throws(ControlError) {
    try write(Array(text.utf8), to: path)
  }

  func write(_ bytes: [UInt8], to path: String) throws(ControlError) {
    let handle = try open(path, forWriting: true)
    defer { server.close(handle) }
    try server.write(handle, bytes, reader)
  }

  func remove(_ path: String) throws(ControlError) {
    let parts = path.split(separator: "/").map(String.init)
    try withNumber(parts.dropLast().joined(separator: "/")) { number throws(ControlError) in
      try server.remove(number, parts[parts.count - 1], reader)
    }
  }

  /// Every path of the tree, folders first.
  func walk(_ path: String = "/") throws(ControlError) -> [String] {
    var paths = [path]
    for name in try names(path) {
      let child = path == "/" ? "/\(name)" : "\(path)/\(name)"
      let isFolder = try attributes(child).mode & UInt32(S_IFMT) == UInt32(S_IFDIR)
      paths += isFolder ? try walk(child) : [child]
    }
    return paths
  }
}
