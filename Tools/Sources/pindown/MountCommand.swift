import ArgumentParser
import ControlFileSystem
import Glibc

/// `pindown mount`: shows what the processes of this machine have registered, as files.
struct MountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mount",
    abstract: "Mount the control file system on an empty directory.",
    discussion: """
      Returns when the mount answers; a process in the background serves it until \
      `pindown unmount` (or umount, or fusermount3 -u).
      """)

  @Argument(help: "An empty directory.", completion: .directory)
  var directory: String

  @Flag(help: "Stay in the foreground until the directory is unmounted.")
  var foreground = false

  @Flag(help: "Let other users look as well; each sees only its own processes.")
  var allowOther = false

  /// The descriptor on which a process in the background tells the one that started it how the
  /// mount went.
  @Option(help: .private)
  var reportDescriptor: Int32?

  func run() throws {
    if let reportDescriptor {
      serveInBackground(BackgroundReport(descriptor: reportDescriptor))
    } else if foreground {
      do {
        try ControlFileSystem.serve(at: directory, options: options)
      } catch {
        throw failure("\(error)")
      }
    } else {
      try BackgroundServer.start(directory: directory, allowOther: allowOther)
    }
  }

  private var options: MountOptions { MountOptions(allowsOtherUsers: allowOther) }

  private func serveInBackground(_ report: BackgroundReport) {
    // A session of its own: what the terminal does is no concern of ours.
    setsid()
    do {
      try ControlFileSystem.serve(at: directory, options: options) {
        // Whoever started us may want to unmount what we started in.
        chdir("/")
        report.ready()
      }
    } catch {
      report.failed("\(error)")
    }
  }
}
