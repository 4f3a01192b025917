import Glibc

/// A process to look at: the fixture, which obeys lines on its standard input.
final class PublishingProcess {
  let pid: Int32
  private let input: Int32
  private let output: String
  private var answers = 1

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0, "no pipe")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    input = ends[1]
    output = "/tmp/pindown-fixture-\(getpid())-\(Int.random(in: 0..<1_000_000))"
    pid = Program.spawn([Program.products + "/publish-fixture"], input: ends[0], output: output)
    close(ends[0])
    let path = output
    precondition(waits { Program.contents(path) == "ready\n" }, "the fixture does not publish")
  }

  deinit {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    close(input)
    unlink(output)
  }

  /// Has the process do something, and waits until it has.
  func tell(_ line: String) {
    let text = line + "\n"
    _ = text.withCString { write(input, $0, strlen($0)) }
    answers += 1
    let expected = answers
    precondition(
      waits { Program.contents(output).split(separator: "\n").count == expected },
      "the fixture does not answer")
  }

  func end() {
    kill(pid, SIGKILL)
  }

  /// Its provider, below a mount.
  var provider: String { "processes/\(pid)/providers/memfd" }
}
