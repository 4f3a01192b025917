import Glibc
import Testing

/// Goal: `pindown conform` says what a user must know, whatever library it is given. Method: the real
/// command, on libraries that are no providers, bad ones, and the one that passes.
@Suite(.serialized) struct ConformTests {
  private static let headers = "\(Program.root)/Sources/CWinsockDirect/include"

  /// Runs the command on a bad provider, compiled with a macro.
  private func conform(_ macro: String, _ arguments: String) -> Program.Result {
    let library = "/tmp/pindown-bad-provider-\(getpid()).so"
    return Program.run(
      """
      cc -std=c11 -D_DEFAULT_SOURCE -shared -fPIC -D\(macro) -I\(Self.headers) \
        \(Program.root)/Tools/Tests/c-programs/bad-provider.c -o \(library) || exit 99
      pindown conform \(library) \(arguments); status=$?; rm \(library); exit $status
      """, seconds: 60)
  }

  @Test func whatIsNoProviderIsSaidInOneLine() {
    let cases = [
      ("/nowhere.so", "No such file"), ("\(Program.root)/README.md", "invalid ELF header"),
      (
        "$(ldconfig -p | awk '/libm.so.6/ { print $NF; exit }')", "does not export WSPStartupEx"
      ),
    ]
    for (library, text) in cases {
      let result = Program.run("pindown conform \(library)")
      #expect(result.status == 1)
      #expect(result.complaints.count == 1, "\(result.errors)")
      #expect(result.complaints.first?.hasPrefix("pindown: ") == true)
      #expect(result.errors.contains(text), "\(result.errors)")
      #expect(result.output == "")
    }
    let result = conform("CRASH_AT_LOADING", "")
    #expect(result.status == 1)
    #expect(result.errors.contains("killed by signal 6"), "\(result.errors)")
  }

  @Test(arguments: [
    "", "p.so --only C99", "p.so --only C5-C3", "p.so --format xml", "p.so --patience 0",
    "p.so q.so",
  ])
  func wrongUsage(arguments: String) {
    let result = Program.run("pindown conform \(arguments)")
    #expect(result.status == 64)
    #expect(result.errors.contains("Usage"))
  }

  @Test func aCrashFailsItsAssertionAndTheRunGoesOn() {
    let result = conform("CRASH", "--only C05-C08")
    #expect(result.status == 1)
    #expect(result.lines.filter { $0.contains("FAILED") }.count == 4, "\(result.output)")
    #expect(result.output.contains("killed by signal 6 (Aborted), in: start, this side"))
    #expect(result.output.contains("it said: bad provider: the end is near"))
    #expect(result.lines.last == "0 of 4 passed, 4 failed, 0 not applicable")
  }

  @Test func aHangFailsItsAssertionAndTheRunGoesOn() {
    let result = conform("HANG", "--only C06,C07")
    #expect(result.status == 1)
    #expect(
      result.output.split(separator: "it does not come back within 6 seconds").count == 3,
      "\(result.output)")
  }

  @Test func missingFunctionsAreNamed() {
    let result = conform("NOTHING", "--only C06,C08,C20")
    #expect(result.status == 1)
    #expect(result.output.contains("NULL for WSPAccept, WSPBind,"), "\(result.output)")
    #expect(result.lines.contains { $0.hasPrefix("C20  M  FAILED") })
  }

  @Test func theMemfdProviderConforms() {
    let result = Program.run(
      "pindown conform --strict --patience 4 \(Program.products)/libPindown.so", seconds: 400)
    #expect(result.status == 0, "\(result.output)")
    #expect(result.lines.count { $0.hasPrefix("C") } == 88)
    #expect(result.lines.last?.contains(" 0 failed") == true, "\(result.lines.last ?? "")")
    // It offers everything, and it can take memory from a peer that is stopped in a transfer. The
    // largest transfer needs 3 GiB; an ordinary user may not lock what one needs to be stopped in.
    let allowed = getuid() == 0 ? ["C13", "C54", "C75"] : ["C13", "C45", "C54", "C75"]
    let others = result.lines.filter { $0.contains("  n/a  ") }.map { String($0.prefix(3)) }
    #expect(Set(others).isSubset(of: allowed), "\(result.output)")
  }

  @Test func programsCanReadIt() {
    let library = "\(Program.products)/libPindown.so"
    let tap = Program.run("pindown conform \(library) --only C13-C16 --format tap")
    #expect(tap.status == 0, "\(tap.errors)")
    #expect(tap.lines.prefix(2) == ["TAP version 13", "1..4"])
    #expect(tap.lines.count { $0.hasPrefix("ok ") } == 4)
    let json = Program.run(
      """
      pindown conform \(library) --only C13-C16 --format json | jq -r '.conforms, \
        (.assertions | length), (.assertions[] | .id + " " + .grade + " " + .status)'
      """)
    #expect(
      json.lines == [
        "true", "4", "C13 M not applicable", "C14 I passed", "C15 I passed", "C16 M passed",
      ], "\(json.output)\(json.errors)")
  }
}
