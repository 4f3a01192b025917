import Glibc
import Testing

/// Goal: the commands that drive the switch do what they say, and refuse what they must. Method: the
/// real programs, as a user starts them.
@Suite(.serialized) struct SwitchProgramTests {
  private func expectRefusal(_ line: String, status: Int32 = 1, saying text: String) {
    let result = Program.run(line)
    #expect(result.status == status, "\(line)")
    #expect(result.errors.contains(text), "\(line): \(result.errors)")
    if status == 1 {
      #expect(result.complaints.count == 1, "\(line): \(result.errors)")
      #expect(result.complaints.first?.hasPrefix("pindown: ") == true, "\(line)")
    }
  }

  /// The number that a line of the report ends with.
  private func number(_ name: String, in result: Program.Result) -> Int? {
    result.lines.first { $0.hasPrefix(name) }?.split(separator: " ").last.flatMap { Int($0) }
  }

  // MARK: The demo

  @Test(.enabled(if: Fuse.isAvailable, "needs /dev/fuse"))
  func theDemoShowsItsCaseAndLeavesNothing() {
    let result = Program.run(
      "mkdir /tmp/pindown-demo-test; TMPDIR=/tmp/pindown-demo-test pindown demo", seconds: 60)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.complaints == [])
    #expect(result.output.contains("The OLD content arrived"))
    #expect(result.lines.count { $0.contains(" deregistered ") } == 2)
    #expect(result.lines.count { $0.contains(" callback 0x") } == 1)
    // What is left after free: nothing pinned.
    #expect(result.lines.contains { $0.hasPrefix("VmPin:") && $0.hasSuffix(" 0 kB") })
    // Empty again, and removed.
    #expect(Program.run("rmdir /tmp/pindown-demo-test").status == 0)
  }

  /// The demo has to notice where callbacks do not work.
  @Test(.enabled(if: Fuse.isAvailable, "needs /dev/fuse"))
  func theDemoFailsWithoutCallbacks() {
    let result = Program.run("PINDOWN_MONITORS=none pindown demo", seconds: 60)
    #expect(result.status == 1)
    #expect(result.errors.contains("the provider should have been called back once"))
  }

  @Test(.enabled(if: Fuse.isAvailable, "needs /dev/fuse"))
  func anInterruptedDemoLeavesNothing() {
    let line = """
      mkdir /tmp/pindown-interrupted; export TMPDIR=/tmp/pindown-interrupted
      timeout -s INT 0.4 pindown demo >/dev/null 2>&1; rmdir /tmp/pindown-interrupted
      """
    let result = Program.run(line)
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func badProvidersAreRefused() {
    for command in ["stress --duration 1", "demo"] {
      expectRefusal("pindown \(command) --provider /nowhere.so", saying: "/nowhere.so")
      // A library, but no provider.
      let library = "$(ldconfig -p | awk '/libm.so.6/ { print $NF; exit }')"
      expectRefusal(
        "pindown \(command) --provider \(library)", saying: "does not export WSPStartupEx")
      expectRefusal(
        "PINDOWN_NICS=a=10.1.0.1/24,b=10.1.0.1/24 pindown \(command)", saying: "10.1.0.1")
    }
  }

  @Test(arguments: [
    ("PINDOWN_MONITORS=magic", "there is no monitor `magic`; PINDOWN_MONITORS is a list"),
    ("PINDOWN_NICS=nonsense", "PINDOWN_NICS: 'nonsense' is not name=address/prefix"),
    ("PINDOWN_NICS=a=10.1.0.1/33,b=10.1.1.1/24", "PINDOWN_NICS: '33' is not a prefix length"),
    ("PINDOWN_NICS=a=10.1.0.1/24,a=10.1.1.1/24", "PINDOWN_NICS: the adapter name a is there twice"),
  ])
  func badSettingsAreNamed(setting: String, text: String) {
    for command in ["stress --duration 1", "demo", "demo-server </dev/null"] {
      if command == "demo", !Fuse.isAvailable { continue }
      if command.hasPrefix("demo-server") {
        // A role tells its parent.
        let result = Program.run("\(setting) pindown \(command)")
        #expect(result.status == 1 && result.output.contains(text), "\(result.output)")
      } else {
        expectRefusal("\(setting) pindown \(command)", saying: text)
      }
    }
  }

  /// The tools set the mode themselves; a program that uses the library has it from the environment.
  @Test func aBadModeIsAnErrorOfTheLibrary() {
    let program = "/tmp/pindown-mode-\(getpid())"
    let result = Program.run(
      """
      \(Program.compiling("Tests/c-programs/segments.c", as: program))
      PINDOWN_DMA=sloppy \(program); status=$?; rm \(program); exit $status
      """)
    #expect(result.status == 1)
    #expect(result.output.contains("PINDOWN_DMA is 'fast' or 'strict', not 'sloppy'"))
    #expect(result.errors == "")
  }

  // MARK: Stress

  @Test func stressFindsNothingWithCallbacks() {
    let result = Program.run("pindown stress --duration 5 --seed 7", seconds: 60)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(number("stale uses", in: result) == 0)
    #expect(number("corrupt contents", in: result) == 0)
    #expect((number("operations", in: result) ?? 0) > 100)
    #expect((number("invalidations", in: result) ?? 0) > 100)
    #expect((number("hits", in: result) ?? 0) > 100)
  }

  /// Breaks the mechanism: the check must see it.
  @Test func stressFindsStaleUsesWithoutCallbacks() {
    let result = Program.run("pindown stress --duration 5 --seed 7 --callbacks off", seconds: 60)
    #expect(result.status == 1)
    #expect((number("stale uses", in: result) ?? 0) > 0)
    #expect(number("invalidations", in: result) == 0)
    #expect(result.complaints == [])
  }

  @Test func stressRefusesBadInput() {
    expectRefusal(
      "pindown stress --nic 10.1.2.3 --nic 10.77.0.1", saying: "no NIC has the address 10.1.2.3")
    expectRefusal("PINDOWN_NICS=a=10.1.0.1/24 pindown stress", saying: "two NICs are needed")
    for bad in ["--threads 0", "--nic abc", "--callbacks maybe", "--duration 0", "--seed x"] {
      expectRefusal("pindown stress \(bad)", status: 64, saying: "Usage")
    }
  }

  // MARK: The library for others

  @Test func theExamplesWorkTogether() {
    let program = "/tmp/pindown-example-\(getpid())"
    let line = """
      \(Program.compiling("examples/write.c", as: program))
      example-receive & receiver=$!
      until \(program) 2>/dev/null; do kill -0 $receiver || exit 1; sleep 0.05; done
      wait $receiver; rm \(program)
      """
    let result = Program.run(line)
    #expect(
      result.lines == ["listening at 10.77.0.1:7471", "Written by RDMA."],
      "\(result.errors)")
  }

  @Test func pageTrackingFromC() {
    let program = "/tmp/pindown-tracking-\(getpid())"
    let line =
      "\(Program.compiling("Tests/c-programs/tracking.c", as: program))\n\(program); s=$?; rm \(program); exit $s"
    let result = Program.run(line)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  /// A library that is loaded after the monitors were started is seen as the others are.
  @Test func aLibraryMayBeLoadedLater() {
    let program = "/tmp/pindown-loading-\(getpid())"
    let result = Program.run(
      """
      \(Program.compiling("Tests/c-programs/loading.c", as: program))
      cc -shared -fPIC -o \(program).so \(Program.root)/Tools/Tests/c-programs/late.c || exit 99
      \(program) \(program).so; status=$?; rm \(program) \(program).so; exit $status
      """)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  @Test func theHeaderIsAlsoForCPlusPlus() {
    let header = "\(Program.root)/Sources/CPindown/include/pindown.h"
    let result = Program.run(
      "clang++ -x c++ -std=c++17 -Wall -Wextra -Werror -pedantic -fsyntax-only \(header)")
    #expect(result.status == 0, "\(result.errors)")
  }
}
