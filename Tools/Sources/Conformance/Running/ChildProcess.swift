import Glibc

/// A process that we have started, in a group of its own or in ours.
struct ChildProcess {
  let pid: pid_t

  /// Starts this program again. `descriptors` are what it has as 0, 1, 2 and so on.
  ///
  /// Returns nil where that is not possible.
  static func start(
    _ arguments: [String], descriptors: [Int32], ownGroup: Bool
  ) -> ChildProcess? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // First out of the way of the numbers that they get.
    let copies = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 20) }
    defer { for copy in copies { close(copy) } }
    for (number, copy) in copies.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, copy, Int32(number))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(ownGroup ? POSIX_SPAWN_SETPGROUP : 0))
    var words: [UnsafeMutablePointer<CChar>?] =
      (["pindown"] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid = pid_t()
    guard posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, &words, environ) == 0 else {
      return nil
    }
    return ChildProcess(pid: pid)
  }

  /// Waits for its end; how it ended.
  func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      if errno != EINTR { return 0 }
    }
    return status
  }

  /// Ends it and everything in its group.
  func killGroup() { kill(-pid, SIGKILL) }

  /// In words, what `waitpid` has said.
  static func ending(_ status: Int32) -> String {
    let signal = status & 0x7F
    if signal == 0 { return "it ended with status \(status >> 8 & 0xFF)" }
    let name = strsignal(signal).map { String(cString: $0) } ?? "unknown"
    return "it was killed by signal \(signal) (\(name))"
  }
}
