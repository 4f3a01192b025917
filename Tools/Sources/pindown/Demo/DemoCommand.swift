import ArgumentParser
import Glibc

/// `pindown demo`: the main job once, in front of the user.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Show the whole path once: register, RDMA write, look, free, called back.",
    discussion: """
      Mounts the control file system in a temporary directory, sends a buffer between two processes \
      over two NICs, frees it, and shows that the registrations have gone before the memory went; \
      then shows what happens without callbacks. Everything is undone at the end.
      """)

  @Option(help: "The path of a provider's library; may be given more than once.")
  var provider: [String] = []

  func run() throws {
    // A child that ends early is told by what it said, not by a signal.
    signal(SIGPIPE, SIG_IGN)
    do {
      try Demo(providers: provider).run()
    } catch let error as ToolError {
      throw failure(error.description)
    }
  }
}
