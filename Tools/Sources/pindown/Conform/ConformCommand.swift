import ArgumentParser
import Conformance
import Glibc

/// `pindown conform`: plays the switch against a provider, and says where it breaks the rules.
struct ConformCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conform",
    abstract: "Check a provider's library against the assertions of the specification.",
    discussion: """
      Loads PROVIDER as the switch does, drives it through WSPStartupEx, its function tables and the \
      upcalls alone, and puts C01 to C88 to it: each in a process of its own, with a second process \
      as the peer where a connection is needed. A provider that crashes or hangs fails the \
      assertion it is in, and the run goes on.

      Each assertion has a grade: M must be so by documentation, S should be so, I is inferred. The \
      exit status is 0 where no M and no S failed, else 1; with --strict an I counts as well.

      Providers that use Pindown's adapters run with PINDOWN_DMA=strict unless it is set.
      """)

  @Argument(help: "The provider's library.", completion: .file(extensions: ["so"]))
  var provider: String

  @Option(help: ArgumentHelp("Only these assertions.", valueName: "C40-C59,C70"))
  var only: String?

  @Option(help: "How to write results: text, tap (version 13) or json.")
  var format: ReportFormat = .text

  @Flag(help: "Let inferred assertions count, too.")
  var strict = false

  @Option(help: "Give the provider this many times as long before it counts as hanging.")
  var patience = 1

  /// The assertion that this process puts, or `peer`: for processes that the command starts.
  @Option(help: .private)
  var role: String?

  func validate() throws {
    if let only, Selection(only) == nil {
      throw ValidationError("'\(only)' is not a list of assertions such as C40-C59,C70")
    }
    if !(1...100).contains(patience) { throw ValidationError("--patience is 1 to 100") }
  }

  func run() throws {
    setenv("PINDOWN_DMA", "strict", 0)
    // What a provider says when it dies must not be hidden behind what our runtime says.
    setenv("SWIFT_BACKTRACE", "enable=no", 1)
    if let role {
      guard ConformanceRun.play(role: role, path: provider, patience: patience) else {
        throw failure("there is no role \(role)")
      }
      return
    }
    let selection = only.flatMap(Selection.init) ?? .all
    let conformance = ConformanceRun(path: provider, selection: selection, patience: patience)
    do {
      try conformance.checkLibrary()
    } catch {
      throw failure("\(error)")
    }
    write(format.opening(path: provider, count: selection.ids.count))
    var count = 0
    let results = conformance.run { result in
      count += 1
      write(format.line(result, number: count, strict: strict))
    }
    write(format.closing(results, path: provider, strict: strict))
    if results.contains(where: { $0.isBreach(strict: strict) }) { throw ExitCode.failure }
  }

  private func write(_ text: String) {
    if !text.isEmpty { writeAll(STDOUT_FILENO, Array(text.utf8)) }
  }
}

extension ReportFormat: ExpressibleByArgument {}
