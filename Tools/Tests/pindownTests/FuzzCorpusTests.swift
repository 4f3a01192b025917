import Testing

/// The inputs that the fuzzer of the provider's functions has kept, each of which reaches code that
/// the others do not.
struct FuzzCorpusTests {
  private static let fuzz = "\(Program.root)/Tools/fuzz"

  private func replay(_ inputs: String, provider: String) -> Program.Result {
    Program.run(
      """
      set -e
      folder=$(mktemp -d)
      trap 'rm -r $folder' EXIT
      \(provider)
      cc -std=gnu11 -Wall -Wextra -Werror -I\(Program.root)/Sources/CWinsockDirect/include \
        \(Self.fuzz)/calls.c \(Self.fuzz)/world.c \(Self.fuzz)/replay.c $library -o $folder/replay
      $folder/replay \(inputs)
      """, seconds: 120)
  }

  @Test func everyInputIsBorne() {
    let result = replay(
      "\(Self.fuzz)/corpus/*",
      provider: """
        here=$(dirname $(which pindown))
        library="-L$here -lPindown -Wl,-rpath,$here"
        """)
    #expect(result.status == 0, "\(result.errors)")
    let count = result.lines.last?.split(separator: " ").first.flatMap { Int($0) }
    #expect((count ?? 0) > 20)
  }

  /// The check is able to fail: a provider that does not do what it promises is found out.
  @Test func aProviderThatBreaksItsWordIsNoticed() {
    let result = replay(
      "\(Self.fuzz)/corpus/*",
      provider: """
        cc -shared -fPIC -DNO_RDMA_WRITE -D_GNU_SOURCE \
          -I\(Program.root)/Sources/CWinsockDirect/include \
          \(Program.root)/Tests/Providers/minimal_provider.c -o $folder/libminimal.so
        library="$folder/libminimal.so"
        """)
    #expect(result.status != 0)
    #expect(result.errors.contains("broken promise: every extension function is there"))
  }
}
