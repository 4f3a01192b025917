import Glibc

/// A large file of this machine, as data to send: any library will do.
struct SourceFile {
  /// Bytes that the demo sends.
  static let byteCount = 8 << 20
  let path: String

  /// The first library that has twice what is sent, so that two parts of it differ.
  static func find() throws -> SourceFile {
    let folders = [
      "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/bin",
    ]
    for folder in folders {
      for name in (try? TextFile.names(in: folder)) ?? [] {
        let path = "\(folder)/\(name)"
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
          information.st_size >= 2 * byteCount, access(path, R_OK) == 0
        else { continue }
        return SourceFile(path: path)
      }
    }
    // Whatever runs this is there, and is one of the larger programs.
    throw ToolError("no file of \(2 * byteCount) bytes in \(folders.joined(separator: ", "))")
  }

  /// Reads the part with this number into memory of `byteCount` bytes.
  func read(part: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw ToolError("cannot read \(path)", errno: errno) }
    defer { close(descriptor) }
    var done = 0
    while done < buffer.count {
      let length = pread(
        descriptor, buffer.baseAddress! + done, buffer.count - done,
        off_t(part * Self.byteCount + done))
      if length < 0 && errno == EINTR { continue }
      if length <= 0 { throw ToolError("cannot read all of \(path)", errno: errno) }
      done += length
    }
  }
}
