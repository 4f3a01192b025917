import Glibc

/// Text files, read whole.
enum TextFile {
  static func read(_ path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw ToolError("cannot read \(path)", errno: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let length = Glibc.read(descriptor, &chunk, chunk.count)
      if length < 0 && errno == EINTR { continue }
      if length < 0 { throw ToolError("cannot read \(path)", errno: errno) }
      if length == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<length]
    }
  }

  /// Replaces the file, or makes it.
  static func write(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw ToolError("cannot write \(path)", errno: errno) }
    defer { close(descriptor) }
    if !writeAll(descriptor, Array(text.utf8)) {
      throw ToolError("cannot write \(path)", errno: errno)
    }
  }

  static func lines(_ path: String) throws -> [Substring] {
    try read(path).split(separator: "\n")
  }

  /// Names in a folder, without `.` and `..`, sorted.
  static func names(in path: String) throws -> [String] {
    guard let folder = opendir(path) else { throw ToolError("cannot open \(path)", errno: errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
