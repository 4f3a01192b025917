import Glibc
import TestSupport

/// `Tests/Programs/stream_peer.c` as a process: the C interface, with the whole library behind it.
final class PeerProcess {
  private struct Program: @unchecked Sendable {
    let compiler: TestCompiler
    let path: String
  }

  private static let program = Result {
    let compiler = try TestCompiler()
    return Program(
      compiler: compiler,
      path: try compiler.compile(
        "Tests/Programs/stream_peer.c", into: "stream_peer",
        [
          "-O2", "-I\(compiler.source("Sources/CPindown/include"))", "-L\(libraryFolder)",
          "-lPindown", "-Wl,-rpath,\(libraryFolder)",
        ]))
  }

  /// Where the library was built: beside the tests.
  private static var libraryFolder: String {
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    let parts = String(
      decoding: path.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self
    ).split(separator: "/")
    return "/" + parts.dropLast().joined(separator: "/")
  }

  let pid: pid_t
  private let output: UnsafeMutablePointer<FILE>
  private var isReaped = false

  init(_ arguments: [String], environment: [String] = []) throws {
    let program = try Self.program.get().path
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw PeerProcessError.pipe(errno) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    let words =
      ["env", "PINDOWN_NICS=\(TestNetwork.adapters)"] + environment + [program] + arguments
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var pid: pid_t = 0
    let error = posix_spawnp(&pid, "env", &actions, nil, pointers, environ)
    close(ends[1])
    guard error == 0, let output = fdopen(ends[0], "r") else {
      close(ends[0])
      throw PeerProcessError.spawn(error)
    }
    self.pid = pid
    self.output = output
  }

  deinit {
    if !isReaped {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    fclose(output)
  }

  /// The words of the next line that it says; none at the end.
  func words() -> [String] {
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), output) != nil else { return [] }
    let bytes = line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
  }

  /// The port that it listens at.
  func port() throws -> UInt16 {
    let words = words()
    guard words.count == 2, words[0] == "port", let port = UInt16(words[1]) else {
      throw PeerProcessError.said(words)
    }
    return port
  }

  /// Waits for its end; its exit status.
  func end() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    isReaped = true
    return status
  }

  func kill() {
    Glibc.kill(pid, SIGKILL)
  }

  private func kill(_ pid: pid_t, _ signal: Int32) {
    _ = Glibc.kill(pid, signal)
  }
}

enum PeerProcessError: Error {
  case pipe(Int32)
  case spawn(Int32)
  case said([String])
}
