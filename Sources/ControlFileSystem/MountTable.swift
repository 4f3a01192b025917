import Glibc

/// The mounts that this process sees.
package enum MountTable {
  package struct Mount: Hashable, Sendable {
    package var directory: String
    package var fileSystem: String

    package var isPindown: Bool { fileSystem == "fuse.pindown" }
  }

  /// The mount that is on top at this absolute path.
  static func mount(at path: String) -> Mount? {
    parse(read("/proc/self/mountinfo")).last { $0.directory == path }
  }

  /// Lines of mountinfo: the fifth field is the mount point; after a dash comes the type.
  package static func parse(_ text: String) -> [Mount] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 5, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count
      else { return nil }
      return Mount(directory: unescaped(fields[4]), fileSystem: String(fields[dash + 1]))
    }
  }

  /// Blanks, tabs, line feeds and backslashes are written as a backslash and three octal digits.
  private static func unescaped(_ field: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(field.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func read(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let length = Glibc.read(descriptor, &chunk, chunk.count)
      if length < 0 && errno == EINTR { continue }
      if length <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<length]
    }
  }
}
