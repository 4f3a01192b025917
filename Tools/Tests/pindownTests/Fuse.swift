import Glibc

/// Whether file systems can be mounted here, and which are.
enum Fuse {
  static var isAvailable: Bool { access("/dev/fuse", R_OK | W_OK) == 0 }

  static func isMounted(_ directory: String) -> Bool {
    Program.run("grep -q ' \(directory) fuse.pindown ' /proc/mounts").status == 0
  }
}
