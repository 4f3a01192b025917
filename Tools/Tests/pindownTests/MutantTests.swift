import Glibc
import Testing

/// Goal: `pindown conform` finds every way of breaking the rules that a real provider had, and more.
/// Method: the example provider in C, compiled to break them, one at a time; and as it is.
@Suite(.serialized) struct MutantTests {
  /// Compiles the example provider, with a mutant or as it is, and runs a line of shell with its path
  /// in $library.
  private func run(_ mutant: Mutant?, _ line: String, seconds: Int = 60) -> Program.Result {
    let root = Program.root
    let folder = "/tmp/pindown-mutant-\(mutant?.name ?? "none")-\(getpid())"
    return Program.run(
      """
      mkdir \(folder) || exit 99
      library=\(folder)/provider.so
      here=\(Program.products)
      # Most of the time is the compiler's; two of it run at a time.
      cd \(folder)
      ls \(root)/Tools/examples/provider-c/*.c | xargs -P 2 -n 6 cc -std=c11 -c -fPIC -pthread \
        \(mutant.map { "-DPINDOWN_MUTANT_\($0.name)" } ?? "-Wall -Wextra -Werror") \
        -I\(root)/Sources/CPindown/include -I\(root)/Sources/CWinsockDirect/include &&
      cc -shared *.o -L$here -lPindown -Wl,-rpath,$here -o $library || exit 99
      \(line); status=$?; rm -r \(folder); exit $status
      """, seconds: seconds)
  }

  @Test func everyMutantHasItsPlace() {
    let header = Program.contents("\(Program.root)/Tools/examples/provider-c/mutants.h")
    let names = header.split(separator: "\n").compactMap { line -> String? in
      guard let range = line.firstRange(of: "PINDOWN_MUTANT_") else { return nil }
      return String(line.suffix(from: range.upperBound).prefix { $0.isUppercase || $0 == "_" })
    }
    #expect(Mutant.all.map(\.name) == names)
    #expect(names.count == 19)
  }

  @Test(arguments: Mutant.all)
  func isFound(mutant: Mutant) {
    let strict = mutant.isInferred ? "--strict" : ""
    let result = run(
      mutant, "pindown conform --patience 4 \(strict) --only \(mutant.assertion) $library")
    #expect(result.status == 1, "\(result.output)\(result.errors)")
    #expect(
      result.lines.contains {
        $0.hasPrefix(mutant.assertion) && $0.contains("  FAILED  ")
      }, "\(result.output)")
  }

  @Test func theExampleConforms() {
    let result = run(
      nil, "pindown conform --strict --patience 4 $library", seconds: 300)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.lines.last == "87 of 88 passed, 0 failed, 1 not applicable", "\(result.output)")
  }
}
