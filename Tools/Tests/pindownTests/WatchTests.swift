import Glibc
import Testing

/// Goal: under real programs no page of a registration changes of which nobody was told before.
/// Method: the LD_PRELOAD form of the tracker, which holds a sample of a program's own memory
/// against page frames. `Tools/programs` runs more programs, for longer.
@Suite(.serialized, .enabled(if: getuid() == 0, "page frames are shown to root only"))
struct WatchTests {
  /// What the processes of a program saw, summed.
  private struct Seen {
    var output = ""
    var processes = 0
    private var counts: [String: Int] = [:]

    init(_ result: Program.Result) {
      output = result.output
      for process in result.errors.split(separator: "\n") where process.hasPrefix("process ") {
        processes += 1
        let words = process.split(separator: " ").dropFirst(3)
        for (name, number) in zip(words, words.dropFirst()) {
          if let number = Int(number) { counts[String(name), default: 0] += number }
        }
      }
    }

    subscript(_ name: String) -> Int { counts[name, default: 0] }
  }

  /// Runs a line of shell with the tracker preloaded into all that it starts.
  private func watch(
    _ line: String, monitors: String = "default", preloading library: String = ""
  ) -> Seen {
    let result = Program.run(
      """
      folder=$(mktemp -d); trap 'rm -r $folder' EXIT
      ln -s \(Program.products)/libPindown.so $folder/
      \(Program.root)/Tools/watch/build $folder || exit 125
      for each in changing allocating; do
        cc -pthread -o $folder/$each \(Program.root)/Tools/Tests/c-programs/$each.c || exit 125
      done
      cd $folder
      export PINDOWN_WATCH_REPORT=$folder/report PINDOWN_MONITORS=\(monitors)
      LD_PRELOAD="\(library) $folder/libpindown-watch.so" bash -c '\(line)'; status=$?
      cat $folder/report >&2; exit $status
      """, seconds: 120)
    #expect(result.status == 0, "\(result.errors)")
    return Seen(result)
  }

  private func expectNothingStale(_ seen: Seen) {
    #expect(seen.processes > 0)
    #expect(seen["sampled"] > 0)
    #expect(seen["checks"] > 0)
    #expect(seen["stale"] == 0)
  }

  /// Long enough to be watched for several rounds.
  @Test(arguments: [
    "seq 8000000 | sort --reverse --parallel=1", "seq 1500000 | xz --threads=2 -4 --stdout",
  ])
  func aProgramsOutputIsTheSame(_ program: String) {
    let line = "\(program) | sha256sum"
    let seen = watch(line)
    #expect(seen.output == Program.run(line, seconds: 60).output)
    expectNothingStale(seen)
  }

  /// Allocators that programs choose, by the names of their libraries; glibc's own has none. They are
  /// to give memory back soon.
  enum Allocator: String, CaseIterable, CustomTestStringConvertible {
    case glibc = ""
    case jemalloc = "libjemalloc.so.2"
    case tcmalloc = "libtcmalloc_minimal.so.4"
    case mimalloc = "libmimalloc.so.2"

    var testDescription: String { "\(self)" }

    /// Nil where it is not installed; `Tools/test` installs them.
    var path: String? {
      if self == .glibc { return "" }
      let result = Program.run("ldconfig -p | awk '/\(rawValue)/ { print $NF; exit }'")
      return result.lines.first
    }

    static var installed: [Allocator] { allCases.filter { $0.path != nil } }
  }

  @Test(arguments: Allocator.installed)
  func whateverTheAllocator(_ allocator: Allocator) throws {
    let library = try #require(allocator.path)
    let line = """
      export MALLOC_CONF=dirty_decay_ms:100,muzzy_decay_ms:100 TCMALLOC_RELEASE_RATE=10
      export MIMALLOC_RESET_DELAY=10
      ./allocating
      """
    let seen = watch(line, preloading: library)
    #expect(seen.output == watch(line, monitors: "none", preloading: library).output)
    expectNothingStale(seen)
    #expect(seen["calls"] > 0)
    #expect(seen["late"] == 0)
  }

  @Test func everyChangeIsToldOfBefore() {
    let seen = watch("./changing")
    #expect(seen.output == watch("./changing", monitors: "none").output)
    expectNothingStale(seen)
    #expect(seen["calls"] > 0)
    #expect(seen["before"] > 0)
    #expect(seen["late"] == 0)
  }

  /// The counter-test: without a monitor the same program's changes are found to be stale.
  @Test func withoutAMonitorStalePagesAreFound() {
    let seen = watch("./changing", monitors: "none")
    #expect(seen["calls"] == 0)
    #expect(seen["stale"] > 0)
  }
}
