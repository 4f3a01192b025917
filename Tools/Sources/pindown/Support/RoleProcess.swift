import Glibc

/// This program, started again in another role, and the conversation with it: a command is a line
/// to it, the answer a line from it that begins with `ok`, or with `error` and the reason.
final class RoleProcess {
  let pid: pid_t
  private let commands: Int32
  private let output: Int32
  private let answers: LineReader
  private var isRunning = true

  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    let (input, commands) = try Spawn.pipe()
    let (answers, output) = try Spawn.pipe()
    defer {
      close(input)
      close(output)
    }
    pid = try Spawn.start(
      ["pindown"] + arguments, program: Spawn.ownProgram, input: input, output: output,
      environment: environment)
    self.commands = commands
    self.output = answers
    self.answers = LineReader(answers)
  }

  deinit {
    if isRunning {
      kill(pid, SIGKILL)
      _ = Spawn.wait(pid)
    }
    if isRunning { close(commands) }
    close(output)
  }

  /// Sends a command and waits for the words of the answer.
  @discardableResult
  func ask(_ command: String, within timeout: Duration = .seconds(60)) throws -> [String] {
    tell(command)
    return try answer(within: timeout)
  }

  /// Sends a command; `answer` is to follow.
  func tell(_ command: String) {
    writeAll(commands, Array("\(command)\n".utf8))
  }

  /// Waits for the words of the next answer.
  func answer(within timeout: Duration = .seconds(60)) throws -> [String] {
    guard let line = try answers.next(within: timeout) else {
      throw ToolError("a process of ours has ended, with status \(end())")
    }
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    switch words.first {
    case "ok": return words.dropFirst().flatMap { $0.split(separator: " ").map(String.init) }
    case "error": throw ToolError(words.count > 1 ? words[1] : "unknown")
    default: throw ToolError("a process of ours said: \(line)")
    }
  }

  /// Ends the conversation, at which the process ends; its exit status.
  @discardableResult
  func end() -> Int32 {
    guard isRunning else { return 0 }
    isRunning = false
    close(commands)
    return Spawn.wait(pid)
  }
}

/// The other side: what a process in a role does with commands.
enum Role {
  /// Answers each line of standard input by what `body` makes of its words, until the input ends.
  static func serve(_ body: ([String]) throws -> [String]) {
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      do {
        say((["ok"] + (try body(words))).joined(separator: " "))
      } catch {
        say("error \(error)")
      }
    }
  }

  /// Answers before the first command; ends the process where `body` fails.
  static func begin<Result>(_ body: () throws -> (Result, [String])) -> Result {
    do {
      let (result, words) = try body()
      say((["ok"] + words).joined(separator: " "))
      return result
    } catch {
      say("error \(error)")
      exit(EXIT_FAILURE)
    }
  }
}
