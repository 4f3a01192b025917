import Glibc

/// A directory of a test; what is mounted on it goes with it.
final class MountedDirectory {
  let path: String

  /// Makes the directory and mounts on it, if wanted.
  init(isMounted: Bool = true, options: String = "") {
    path = "/tmp/pindown-mount-\(getpid())-\(Int.random(in: 0..<1_000_000))"
    mkdir(path, 0o755)
    guard isMounted else { return }
    let result = Program.run("pindown mount \(options) \(path)")
    precondition(result.status == 0, "cannot mount: \(result.errors)")
  }

  deinit {
    _ = Program.run("umount -l \(path)")
    rmdir(path)
  }

  /// The number of the process that serves it.
  var server: Int32? {
    Program.run("pgrep -f -- 'mount --report-descriptor .*\(path)$'").lines.first.flatMap {
      Int32($0)
    }
  }

  /// Runs a line of shell in the directory.
  func run(_ line: String, seconds: Int = 30) -> Program.Result {
    Program.run("cd \(path) && { \(line)\n}", seconds: seconds)
  }
}
