import Glibc

/// A directory on which a tree is or is to be mounted.
struct MountPoint: Sendable {
  /// As it was named, for messages.
  let name: String
  /// Absolute, without links in it.
  let path: String

  /// Throws where there is no such directory. A directory whose server has died counts.
  init(_ name: String) throws(MountError) {
    self.name = name
    path = try Self.resolve(name)
  }

  /// The last component may be a dead mount, which cannot be looked at: resolve what is above it.
  private static func resolve(_ name: String) throws(MountError) -> String {
    if let path = real(name) { return path }
    guard errno == ENOTCONN || errno == EIO || errno == EACCES else { throw error(errno, name) }
    let number = errno
    var text = name
    while text.count > 1 && text.hasSuffix("/") { text.removeLast() }
    let slash = text.lastIndex(of: "/")
    let parent = slash.map { $0 == text.startIndex ? "/" : String(text[..<$0]) } ?? "."
    let last = slash.map { String(text[text.index(after: $0)...]) } ?? text
    guard let above = real(parent) else { throw error(errno, name) }
    let path = above == "/" ? "/\(last)" : "\(above)/\(last)"
    guard MountTable.mount(at: path) != nil else { throw error(number, name) }
    return path
  }

  private static func real(_ path: String) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }

  private static func error(_ number: Int32, _ name: String) -> MountError {
    switch number {
    case ENOENT: .missing(directory: name)
    case ENOTDIR: .notADirectory(name)
    case EACCES, EPERM: .notAccessible(directory: name)
    default: .failed(directory: name, reason: String(cString: strerror(number)))
    }
  }

  /// Whether a server was mounted here and has died.
  var isDead: Bool {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor >= 0 { close(descriptor) }
    return descriptor < 0 && errno == ENOTCONN
  }

  /// Throws unless a tree can be mounted here now.
  func checkFree() throws(MountError) {
    if let mount = MountTable.mount(at: path) {
      if mount.isPindown { throw .alreadyMounted(directory: name) }
      throw .occupied(directory: name, fileSystem: mount.fileSystem)
    }
    guard let directory = opendir(path) else { throw Self.error(errno, name) }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let isOwn = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) {
          strcmp($0, ".") == 0 || strcmp($0, "..") == 0
        }
      }
      if !isOwn { throw .notEmpty(directory: name) }
    }
    if geteuid() != 0 && access(path, W_OK) != 0 { throw .notAccessible(directory: name) }
  }

  /// Removes the mount, at once where it is dead.
  func unmount() throws(MountError) {
    guard let mount = MountTable.mount(at: path), mount.isPindown else {
      throw .notMounted(directory: name)
    }
    let isDead = isDead
    if umount2(path, isDead ? Int32(MNT_DETACH) : 0) == 0 { return }
    switch errno {
    case EPERM:
      if Program.run("fusermount3", isDead ? ["-u", "-z", path] : ["-u", path]) == 0 { return }
      throw .failed(directory: name, reason: "fusermount3 could not unmount it")
    case EBUSY: throw .busy(directory: name)
    default: throw .failed(directory: name, reason: String(cString: strerror(errno)))
    }
  }
}
