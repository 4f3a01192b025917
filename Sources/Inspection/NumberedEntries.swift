import Glibc

/// The entries of a folder of /proc that are named by a number: processes, descriptors.
enum NumberedEntries {
  /// Throws `.notPermitted` where the kernel does not show the folder to us, `.notPublished` where
  /// it has gone.
  static func list(_ path: String) throws(InspectionError) -> [Int32] {
    guard let directory = opendir(path) else {
      switch errno {
      case EACCES, EPERM: throw .notPermitted
      case ENOENT, ESRCH: throw .notPublished
      default: throw .system(errno: errno)
      }
    }
    defer { closedir(directory) }
    var numbers: [Int32] = []
    while let entry = readdir(directory) {
      let number = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { Int32(String(cString: $0)) }
      }
      if let number { numbers.append(number) }
    }
    return numbers
  }
}
