import ArgumentParser
import Glibc

/// The demo's mount of the control file system, and what is read from it.
final class DemoMount: Sendable {
  let path: String
  private let folder: String
  private let ending = OneTime()

  init(in folder: String) {
    self.folder = folder
    path = folder + "/mnt"
  }

  /// Mounts, by the command that a user would type.
  func begin() throws {
    say("\n$ pindown mount \(path)")
    try ending.before {
      guard mkdir(path, 0o755) == 0 else { throw ToolError("cannot make \(path)", errno: errno) }
      let mounted = Spawn.wait(
        try Spawn.start(
          ["pindown", "mount", path], program: Spawn.ownProgram, isForeground: false))
      // What is wrong has been said.
      if mounted != 0 { throw ExitCode.failure }
    }
    try list(path)
  }

  /// Shows a directory by the real `ls`. An interruption waits for it: a mount in use stays.
  func list(_ path: String, options: [String] = []) throws {
    try ending.before {
      let command = ["ls"] + options + [path]
      say("$ \(command.joined(separator: " "))")
      _ = Spawn.wait(try Spawn.start(command, isForeground: false))
    }
  }

  /// Unmounts if it is mounted, and removes the directories. Any thread.
  func end() {
    ending {
      if rmdir(path) != 0, errno == EBUSY {
        // The thread that shows things may have a file open there; it cannot be waited for.
        for attempt in 1...Self.attempts {
          if unmount(isLast: attempt == Self.attempts) { break }
          usleep(50_000)
        }
        rmdir(path)
      }
      rmdir(folder)
    }
  }

  private static let attempts = 20

  private func unmount(isLast: Bool) -> Bool {
    let silence = isLast ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { if silence >= 0 { close(silence) } }
    let process = try? Spawn.start(
      ["pindown", "unmount", path], program: Spawn.ownProgram, errors: silence,
      isForeground: false)
    return process.map { Spawn.wait($0) } == 0
  }

  /// The lines of `events` that are about a process.
  func events(of pid: pid_t) throws -> [String] {
    try TextFile.lines("\(path)/events").map(String.init)
      .filter { Self.field(3, of: $0) == "\(pid)" }
  }

  /// The first line of `events`: names of its columns.
  var eventColumns: String {
    ((try? TextFile.lines("\(path)/events")) ?? []).first.map(String.init) ?? ""
  }

  /// A field of a line, counted from 1.
  static func field(_ number: Int, of line: String) -> String? {
    let fields = line.split(separator: " ")
    return fields.count >= number ? String(fields[number - 1]) : nil
  }

  /// What the mount shows of the provider in a process.
  func view(of pid: pid_t) throws -> DemoView {
    let folder = "\(path)/processes/\(pid)/providers"
    guard let provider = try TextFile.names(in: folder).first else {
      throw ToolError("\(folder) is empty")
    }
    return DemoView(mount: self, folder: "\(folder)/\(provider)", provider: provider)
  }
}

/// The directories of one provider in one process.
struct DemoView {
  let mount: DemoMount
  let folder: String
  let provider: String

  /// Shows `cache` and `secured` by the real `ls`.
  func list() throws {
    for name in ["cache", "secured"] { try mount.list("\(folder)/\(name)", options: ["-l"]) }
  }

  /// How many regions are in `cache` and `secured`.
  func entries() throws -> [Int] {
    try ["cache", "secured"].map { try TextFile.names(in: "\(folder)/\($0)").count }
  }
}
