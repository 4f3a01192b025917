import ArgumentParser
import Glibc

/// Starts this program again, in the background, to serve a mount.
enum BackgroundServer {
  /// Returns when the mount answers. Throws an exit status, after a line on standard error.
  static func start(directory: String, allowOther: Bool) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw failure("no pipe: \(String(cString: strerror(errno)))") }
    // The server has the writing end as descriptor 3, and only there.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    var arguments = ["pindown", "mount", "--report-descriptor", "3"]
    if allowOther { arguments.append("--allow-other") }
    let result = spawn(arguments + ["--", directory], report: ends[1])
    close(ends[1])
    guard result == 0 else {
      throw failure("cannot start in the background: \(String(cString: strerror(result)))")
    }
    let text = readAll(ends[0])
    if text == BackgroundReport.readyText { return }
    throw failure(text.isEmpty ? "the process in the background has died; try --foreground" : text)
  }

  /// In the same working directory, so that the directory may be relative; without our terminal.
  private static func spawn(_ arguments: [String], report: Int32) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // First, since 3 may be the number of either end.
    posix_spawn_file_actions_adddup2(&actions, report, 3)
    for descriptor: Int32 in 0...2 {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
    }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid = pid_t()
    return posix_spawn(&pid, "/proc/self/exe", &actions, nil, &words, environ)
  }

  private static func readAll(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let length = read(descriptor, &chunk, chunk.count)
      if length < 0 && errno == EINTR { continue }
      if length <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<length]
    }
  }
}
