import Glibc
import Testing

/// Goal: providers of other people's work beside the memfd provider, in the switch and in the mount.
/// Method: the examples, compiled as a user compiles them, loaded by real processes.
@Suite(.serialized) struct ProviderKitTests {
  /// A line of shell that compiles the provider in C to `$provider`; `options` are for cc.
  private static func compilingProvider(_ options: String = "") -> String {
    """
    folder=$(mktemp -d); trap 'rm -rf $folder' EXIT; here=$(dirname $(which pindown))
    provider=$folder/libexample.so
    cc -shared -fPIC -fvisibility=hidden -Wall -Wextra -Werror \(options) \
      -I\(Program.root)/Sources/CPindown/include -I\(Program.root)/Sources/CWinsockDirect/include \
      \(Program.root)/Tools/examples/provider-c/*.c \
      -L$here -lPindown -Wl,-rpath,$here -o $provider || exit 99
    """
  }

  /// A line of shell that runs providers.c with the arguments, and `body` while it stays.
  private static func withProviders(_ arguments: String, _ body: String) -> String {
    """
    \(Program.compiling("Tests/c-programs/providers.c", as: "$folder/providers"))
    mkfifo $folder/input $folder/output
    $folder/providers \(arguments) <$folder/input >$folder/output & pid=$!
    exec 8>$folder/input 9<$folder/output
    \(body)
    exec 8>&-; wait $pid
    """
  }

  @Test(.enabled(if: Fuse.isAvailable, "needs /dev/fuse"))
  func theExamplesAreVisibleBesideTheMemfdProvider() {
    let mounted = MountedDirectory()
    let result = Program.run(
      """
      \(Self.compilingProvider())
      \(Self.withProviders(
        "10.78.0.1 10.78.1.1 10.79.0.1 10.77.0.1 -- "
          + "$provider $here/libexample-provider.so $here/libPindown.so",
        """
        for i in 1 2 3 4; do read -r line <&9; echo "$line"; done
        cd \(mounted.path)/processes/$pid
        ls providers; cd ../../nics; ls -d example0 example1 loopback0 mem0 mem1; cd - >/dev/null
        for p in providers/*; do
          echo "$p $(ls $p/cache | wc -l) $(ls $p/secured | wc -l)"
        done
        grep -l 'provider example' sockets/* | wc -l
        grep -h '^registration .*remote_key=' sockets/* | grep -c nic=example
        echo flush >providers/loopback/ctl && echo flushed
        echo 5m >providers/example/limits/max_bytes && cat providers/example/limits/max_bytes
        cd /
        """))
      """, seconds: 60)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    let addresses = ["10.78.0.1", "10.78.1.1", "10.79.0.1", "10.77.0.1"]
    #expect(result.lines.prefix(4) == addresses.map { "\($0): sent, written, read" }[...])
    #expect(result.lines.dropFirst(4).prefix(3) == ["example", "loopback", "memfd"])
    #expect(
      result.lines.dropFirst(7).prefix(5) == ["example0", "example1", "loopback0", "mem0", "mem1"])
    // Each has registrations, and as many secured regions.
    for line in result.lines.dropFirst(12).prefix(3) {
      let words = line.split(separator: " ")
      #expect(words.count == 3 && words[1] == words[2] && Int(words[1])! > 3, "\(line)")
    }
    // A listener and two ends on each adapter, and memory for the peer on one of them.
    #expect(result.lines.dropFirst(15) == ["6", "2", "flushed", "5242880"])
  }

  @Test func theProviderInCIsNeverStale() {
    let result = Program.run(
      "\(Self.compilingProvider())\npindown stress --duration 4 --seed 7 --provider $provider",
      seconds: 60)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.lines.last == "stale uses         0")
  }

  /// Breaks the mechanism in the provider itself: the check must see it.
  @Test(arguments: ["IDLE_CALLBACK", "FORGETS_NIC"])
  func aBrokenProviderIsFound(mutant: String) {
    let result = Program.run(
      """
      \(Self.compilingProvider("-DPINDOWN_MUTANT_\(mutant)"))
      pindown stress --duration 4 --seed 7 --provider $provider
      """, seconds: 60)
    #expect(result.status == 1, "\(result.output)\(result.errors)")
  }

  @Test(.enabled(if: Fuse.isAvailable, "needs /dev/fuse"))
  func theDemoRunsOnTheProviderInC() {
    let result = Program.run(
      "\(Self.compilingProvider())\npindown demo --provider $provider", seconds: 60)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("One callback of example"))
    #expect(result.output.contains("The OLD content arrived"))
  }

  /// Every way to break it compiles, or nobody can look for it.
  @Test func everyMutantCompiles() {
    let result = Program.run(
      """
      cd \(Program.root)/Tools/examples/provider-c
      for mutant in $(grep -o 'PINDOWN_MUTANT_[A-Z_]*' mutants.h); do
        grep -q $mutant *.c || echo "$mutant is nowhere"
        cc -fsyntax-only -Wall -Wextra -Werror -D$mutant \
          -I\(Program.root)/Sources/CPindown/include \
          -I\(Program.root)/Sources/CWinsockDirect/include *.c && echo $mutant
      done
      """, seconds: 120)
    #expect(result.lines.count == 19, "\(result.output)\(result.errors)")
    #expect(result.errors == "")
  }

  @Test func theInterfaceOfTheKitInC() {
    let program = "/tmp/pindown-kit-\(getpid())"
    let result = Program.run(
      """
      \(Program.compiling("Tests/c-programs/kit.c", as: program))
      \(program); s=$?; rm \(program); exit $s
      """)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  @Test func aSocketGoesToAnotherProcessAndBack() {
    let program = "/tmp/pindown-handover-\(getpid())"
    let result = Program.run(
      """
      \(Self.compilingProvider())
      cc -Wall -Wextra -Werror -I\(Program.root)/Sources/CWinsockDirect/include \
        \(Program.root)/Tools/Tests/c-programs/handover.c -o \(program) || exit 99
      \(program) $provider; s=$?; rm \(program); exit $s
      """)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }
}
