import Glibc

/// A large file of this machine, as data to send: any library will do.
struct SourceFile {
  /// Bytes that the demo sends.
  static let byteCount = 8 << 20
  let path: String

  /// The first file that has more than what is sent, so that its two ends differ: a library, or a
  /// program (the compiler is one that is large enough).
  static func find() throws -> SourceFile {
    let programs = getenv("PATH").map { String(cString: $0).split(separator: ":") } ?? []
    let folders =
      ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
      + programs.map(String.init)
    for folder in folders {
      for name in (try? TextFile.names(in: folder)) ?? [] {
        let file = SourceFile(path: "\(folder)/\(name)")
        if let size = file.size, size >= byteCount + byteCount / 8 { return file }
      }
    }
    throw ToolError("no file of 9 MiB in \(folders.joined(separator: ", "))")
  }

  /// Bytes of a regular file that we may read.
  private var size: Int? {
    var information = stat()
    guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      access(path, R_OK) == 0
    else { return nil }
    return Int(information.st_size)
  }

  /// Reads its beginning (part 0) or its end (part 1) into memory of `byteCount` bytes.
  func read(part: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw ToolError("cannot read \(path)", errno: errno) }
    defer { close(descriptor) }
    let start = part == 0 ? 0 : (size ?? 0) - buffer.count
    var done = 0
    while done < buffer.count {
      let length = pread(
        descriptor, buffer.baseAddress! + done, buffer.count - done,
        off_t(start + done))
      if length < 0 && errno == EINTR { continue }
      if length <= 0 { throw ToolError("cannot read all of \(path)", errno: errno) }
      done += length
    }
  }
}
