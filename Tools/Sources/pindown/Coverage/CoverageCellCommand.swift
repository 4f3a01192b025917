import ArgumentParser
import Glibc
import Pindown

/// One cell of `pindown coverage`, in a process of its own: it may crash or hang.
struct CoverageCellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage-cell", shouldDisplay: false)

  @Argument var index: Int
  @Option var peer: CoveragePeer?

  func validate() throws {
    guard CoverageCell.all.indices.contains(index) else { throw ValidationError("no such cell") }
  }

  func run() throws {
    // The last words of a process that crashes are not for the user.
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    if nowhere >= 0 { dup2(nowhere, STDERR_FILENO) }
    do {
      say(try CoverageExperiment(CoverageCell.all[index], peer: peer).run().line)
    } catch {
      say("\(CoverageProcess.failureMark)\(error)")
    }
    // Whatever the change has left of this process is not to be cleaned up by its libraries.
    _exit(EXIT_SUCCESS)
  }
}
