import Glibc

/// Runs programs in child processes, with a bound on how long they may take.
enum Program {
  struct Result {
    /// 124 where it took too long.
    var status: Int32
    var output: String
    var errors: String

    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// The lines on standard error, but for those that tell an ordinary user what it may not do.
    var complaints: [String] {
      errors.split(separator: "\n").map(String.init).filter { !Abilities.isLoss($0) }
    }
  }

  /// The folder in which the products of this package are.
  static let products: String = {
    guard let link = realpath("/proc/self/exe", nil) else {
      preconditionFailure("the test has no path")
    }
    defer { free(link) }
    // The test bundle is loaded by a program of the toolchain or is one itself: ask the loader.
    var found = ""
    if let maps = fopen("/proc/self/maps", "r") {
      var line = [CChar](repeating: 0, count: 4096)
      while fgets(&line, Int32(line.count), maps) != nil {
        let bytes = line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("PackageTests.xctest"), let start = text.firstIndex(of: "/") {
          found = String(text[start...])
        }
      }
      fclose(maps)
    }
    precondition(!found.isEmpty, "the test does not know where it is")
    return String(found[..<(found.lastIndex(of: "/") ?? found.endIndex)])
  }()

  /// The folder of the whole project.
  static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

  /// A line of shell that compiles a program in C with the library.
  static func compiling(_ source: String, as program: String) -> String {
    """
    here=$(dirname $(which pindown))
    cc -std=c11 -Wall -Wextra -Werror -pedantic -D_DEFAULT_SOURCE \
      -I\(root)/Sources/CPindown/include \(root)/Tools/\(source) \
      -L$here -lPindown -Wl,-rpath,$here -o \(program) || exit 99
    """
  }

  /// Runs a line of shell, with `pindown` found before others.
  static func run(_ line: String, seconds: Int = 30) -> Result {
    let name = "/tmp/pindown-test-output-\(getpid())"
    defer {
      unlink(name + ".out")
      unlink(name + ".err")
    }
    let pid = spawn(
      ["timeout", "-k", "2", "\(seconds)", "bash", "-c", "PATH=\(products):$PATH; \(line)"],
      output: name + ".out", errors: name + ".err")
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return Result(
      status: status & 0x7f == 0 ? status >> 8 & 0xff : -1, output: contents(name + ".out"),
      errors: contents(name + ".err"))
  }

  /// Starts a program; descriptor 0 is `input` where that is not negative.
  static func spawn(
    _ arguments: [String], input: Int32 = -1, output: String, errors: String = "/dev/null"
  ) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if input >= 0 {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o600)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid = pid_t()
    let result = posix_spawnp(&pid, arguments[0], &actions, nil, &words, environ)
    precondition(result == 0, "\(arguments[0]) cannot be run")
    return pid
  }

  static func contents(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let length = read(descriptor, &chunk, chunk.count)
      if length <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<length]
    }
  }
}
