import ArgumentParser

/// The `pindown` command. A subcommand is a file of its own.
@main
struct PindownCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pindown",
    abstract: "Keeps RDMA registration caches honest, and shows what is in them.",
    version: "0.1.0",
    subcommands: [
      MountCommand.self, UnmountCommand.self, DemoCommand.self, DemoServerCommand.self,
      DemoClientCommand.self, StressCommand.self, StressPeerCommand.self,
      CoverageCommand.self, CoverageCellCommand.self,
      BenchmarkCommand.self, BenchmarkMemoryCommand.self, ConformCommand.self,
    ])
}
