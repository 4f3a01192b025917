import ArgumentParser
import CTools
import Glibc
import Pindown

/// `pindown stress`: tries to make a registration stale.
struct StressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stress",
    abstract: "Try to make a stale registration be used.",
    discussion: """
      Two processes send buffers to each other over two NICs, by RDMA write and read, and lose and \
      re-use their memory between the transfers. What arrives names its buffer and generation. The \
      exit status is 0 where all of it was right. Local memory is always reached by its frames \
      (PINDOWN_DMA=strict).
      """)

  enum Switching: String, ExpressibleByArgument, CaseIterable { case on, off }

  /// Blocks of this size and more are unmapped by free.
  static let smallestBuffer = 4096

  @Option(help: "How long, like 30, 30s or 5m.")
  var duration: StressDuration = StressDuration(seconds: 10)

  @Option(help: "Where the random decisions start from; printed where not given.")
  var seed: UInt64?

  @Option(help: "Threads; each has a connection of its own, on the NICs in turn.")
  var threads = 4

  @Option(help: "Whether providers are told of mapping changes; off has to find stale uses.")
  var callbacks: Switching = .on

  @Option(help: "The address of a NIC; may be given more than once. The first two where not given.")
  var nic: [String] = []

  @Option(help: "The path of a provider's library; may be given more than once.")
  var provider: [String] = []

  func validate() throws {
    guard (1...64).contains(threads) else { throw ValidationError("--threads is from 1 to 64") }
    for text in nic where IPv4Address(text) == nil {
      throw ValidationError("--nic \(text) is no IPv4 address")
    }
  }

  func run() throws {
    signal(SIGPIPE, SIG_IGN)
    let report: StressReport
    do {
      let stress = Stress(
        duration: .seconds(duration.seconds), seed: seed ?? .random(in: 1...999_999),
        threads: threads, hasCallbacks: callbacks == .on, nics: nic.compactMap { IPv4Address($0) },
        providers: provider)
      report = try stress.run()
    } catch {
      throw failure("\(error)")
    }
    report.printOut()
    if !report.isGood { throw ExitCode.failure }
  }
}

/// Seconds, as a user writes them.
struct StressDuration: ExpressibleByArgument, CustomStringConvertible {
  let seconds: Int

  init(seconds: Int) {
    self.seconds = seconds
  }

  init?(argument: String) {
    let units: [(String, Int)] = [("s", 1), ("m", 60), ("h", 3600), ("", 1)]
    guard let (suffix, factor) = units.first(where: { argument.hasSuffix($0.0) }),
      let number = Int(argument.dropLast(suffix.count)), (1...86_400).contains(number)
    else { return nil }
    seconds = number * factor
  }

  var description: String { "\(seconds)s" }
}
