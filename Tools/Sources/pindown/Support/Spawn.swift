import Glibc

/// Starts programs. posix_spawn, because this process may have secured memory, which a fork would
/// have to sort out.
enum Spawn {
  /// The path of this program.
  static let ownProgram = "/proc/self/exe"

  /// Starts a program with what is given as its standard streams; -1 leaves ours. Ctrl-C
  /// does not reach one that is not in the foreground.
  static func start(
    _ arguments: [String], program: String? = nil, input: Int32 = -1, output: Int32 = -1,
    errors: Int32 = -1, environment: [String: String] = [:], isForeground: Bool = true
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if input >= 0 { posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) }
    if errors >= 0 { posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO) }
    if output >= 0 { posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) }
    // No signal is blocked there, whatever is blocked here.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | (isForeground ? 0 : POSIX_SPAWN_SETPGROUP)))
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var settings: [UnsafeMutablePointer<CChar>?] = merged(environment).map { strdup($0) } + [nil]
    defer { for word in words + settings { free(word) } }
    var process = pid_t()
    let error = posix_spawnp(
      &process, program ?? arguments[0], &actions, &attributes, &words, &settings)
    if error != 0 { throw ToolError("cannot start \(arguments[0])", errno: error) }
    return process
  }

  private static func merged(_ changes: [String: String]) -> [String] {
    var settings: [String] = []
    var entry = environ
    while let text = entry.pointee {
      let setting = String(cString: text)
      let name = setting.prefix { $0 != "=" }
      if changes[String(name)] == nil { settings.append(setting) }
      entry += 1
    }
    return settings + changes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  /// Waits for the end of a program; its exit status, or 128 and the signal's number.
  static func wait(_ process: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      if errno != EINTR { return -1 }
    }
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }

  /// A pipe that programs do not inherit.
  static func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw ToolError("no pipe", errno: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
