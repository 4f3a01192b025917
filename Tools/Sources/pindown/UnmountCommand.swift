import ArgumentParser
import ControlFileSystem

/// `pindown unmount`: ends a mount, also one whose process has died.
struct UnmountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unmount",
    abstract: "Unmount the control file system, or what a dead one has left.")

  @Argument(help: "The directory on which it is mounted.", completion: .directory)
  var directory: String

  func run() throws {
    do {
      try ControlFileSystem.unmount(directory)
    } catch {
      throw failure("\(error)")
    }
  }
}
