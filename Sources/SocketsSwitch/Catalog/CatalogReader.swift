import Glibc

/// Files and folders, as the catalogue reads them.
enum CatalogReader {
  struct Failure: Error {
    let text: String
  }

  /// The names in a folder that are files of the catalogue, sorted.
  static func names(in folder: String) -> Result<[String], Failure> {
    guard let stream = opendir(folder) else {
      return .failure(Failure(text: "cannot be read: \(reason(errno))"))
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(".provider"), !name.hasPrefix(".") { names.append(name) }
    }
    return .success(names.sorted())
  }

  /// The content of a file, where it is a regular one of at most `Limits.maximumCatalogFileBytes`.
  static func bytes(of path: String) -> Result<[UInt8], Failure> {
    // Not to wait for the other end of a pipe.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { return .failure(Failure(text: "cannot be read: \(reason(errno))")) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return .failure(Failure(text: "is no regular file"))
    }
    var bytes = [UInt8](repeating: 0, count: Limits.maximumCatalogFileBytes + 1)
    var length = 0
    while length < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress! + length, $0.count - length)
      }
      if count < 0 {
        if errno == EINTR { continue }
        return .failure(Failure(text: "cannot be read: \(reason(errno))"))
      }
      if count == 0 { return .success(Array(bytes[..<length])) }
      length += count
    }
    return .failure(
      Failure(text: "has more than \(Limits.maximumCatalogFileBytes) bytes: this is no such file"))
  }

  static func reason(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}
