/// Why a tree was not mounted or unmounted: what is wrong, and what to do about it, on one line.
public enum MountError: Error, Hashable, Sendable, CustomStringConvertible {
  case missing(directory: String)
  case notADirectory(String)
  case notEmpty(directory: String)
  case notAccessible(directory: String)
  case alreadyMounted(directory: String)
  case occupied(directory: String, fileSystem: String)
  case notMounted(directory: String)
  case noFuse
  case noFusePermission
  case busy(directory: String)
  case failed(directory: String, reason: String)

  public var description: String {
    switch self {
    case .missing(let directory):
      "\(directory) does not exist; make it with: mkdir \(directory)"
    case .notADirectory(let path):
      "\(path) is not a directory; name an empty directory"
    case .notEmpty(let directory):
      "\(directory) is not empty; name an empty directory"
    case .notAccessible(let directory):
      "\(directory) is not accessible to you; name a directory of your own"
    case .alreadyMounted(let directory):
      "pindown is mounted on \(directory) already; to mount anew, first: pindown unmount \(directory)"
    case .occupied(let directory, let fileSystem):
      "\(directory) is the mount point of another file system (\(fileSystem)); name another directory"
    case .notMounted(let directory):
      "pindown is not mounted on \(directory); `grep pindown /proc/mounts` shows where it is"
    case .noFuse:
      "there is no /dev/fuse; load the kernel's module with: modprobe fuse"
        + " (in a container, start it with --device /dev/fuse)"
    case .noFusePermission:
      "you may not open /dev/fuse; run as root, or install fuse3 and allow it: chmod 666 /dev/fuse"
    case .busy(let directory):
      "\(directory) is in use; leave it, or find out by whom with: fuser -m \(directory)"
    case .failed(let directory, let reason):
      "cannot mount on \(directory): \(reason)"
    }
  }
}
