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
    let cell = CoverageCell.all[index]
    do {
      let experiment = CoverageExperiment(cell, peer: peer)
      say(try experiment.run().line)
    } catch {
      say(CoverageResult(cell, .notPossible, note: "\(error)").line)
    }
    // Whatever the change has left of this process is not to be cleaned up by its libraries.
    _exit(EXIT_SUCCESS)
  }
}
