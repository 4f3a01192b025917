import Glibc

/// A folder of our own under $TMPDIR or /tmp.
struct TemporaryFolder: ~Copyable {
  let path: String

  init(named name: String) throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw ToolError("no temporary folder in \(parent)", errno: errno)
    }
    path = String(cString: made)
  }

  /// It has to be empty by then.
  deinit {
    rmdir(path)
  }
}
