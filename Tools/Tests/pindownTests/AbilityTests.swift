import Glibc
import Testing

/// Goal: what the kernel does not allow is said in a line, once for each process, and the rest
/// works. Method: a program of a user is run where the kernel refuses, by a seccomp filter and
/// without capabilities.
@Suite(.serialized) struct AbilityTests {
  private static let program = "/tmp/pindown-segments-\(getpid())"
  private static let filter = "/tmp/pindown-filter-\(getpid())"

  /// Runs the program after `prefix`, which restricts it.
  private func run(_ prefix: String, argument: String = "") -> Program.Result {
    Program.run(
      """
      \(Program.compiling("Tests/c-programs/segments.c", as: Self.program))
      \(Program.compiling("Tests/c-programs/without-io-uring.c", as: Self.filter))
      \(prefix) \(Self.program) \(argument); status=$?
      rm \(Self.program) \(Self.filter); exit $status
      """)
  }

  @Test func withAllOfItNothingIsSaid() {
    let result = run("")
    #expect(result.status == 0, "\(result.output)")
    #expect(result.lines == ["segments work", "malloc: registered"])
    #expect(result.complaints == [])
    if getuid() == 0 { #expect(result.errors == "") }
  }

  @Test(arguments: [("EPERM", Abilities.noPins), ("ENOSYS", Abilities.noRing)])
  func withoutRingsSegmentsWork(error: String, line: String) {
    let result = run("\(Self.filter) \(error)")
    #expect(result.status == 0, "\(result.output)")
    #expect(result.lines.first == "segments work")
    #expect(result.lines.last?.hasPrefix("malloc: WSPRegisterMemory failed: WSAENOBUFS") == true)
    #expect(result.complaints == [line])
  }

  @Test(.enabled(if: getuid() == 0, "only root has capabilities to lose"))
  func withoutCapabilitiesItSaysWhatIsLost() {
    let frames = run("setpriv --bounding-set=-sys_admin")
    #expect(frames.status == 0 && frames.lines.last == "malloc: registered")
    #expect(frames.errors == Abilities.noFrames + "\n")
    let limit = run("ulimit -l 4096; setpriv --bounding-set=-ipc_lock")
    #expect(limit.status == 0 && limit.lines.last == "malloc: registered")
    #expect(
      limit.errors
        == "pindown: CAP_IPC_LOCK is missing: at most 4194304 bytes (ulimit -l) can be pinned\n")
    let both = run("setpriv --bounding-set=-sys_admin,-ipc_lock \(Self.filter) EPERM")
    #expect(both.status == 0 && both.lines.first == "segments work")
    #expect(both.errors == "\(Abilities.noPins)\n\(Abilities.noFrames)\n")
  }

  @Test func theToolsSayItInOneLine() {
    let result = Program.run(
      """
      \(Program.compiling("Tests/c-programs/without-io-uring.c", as: Self.filter))
      \(Self.filter) EPERM pindown stress --duration 1; status=$?; rm \(Self.filter); exit $status
      """)
    #expect(result.status == 1)
    #expect(result.complaints.filter { $0 != Abilities.noPins }.count == 1, "\(result.errors)")
    #expect(result.errors.contains("WSAENOBUFS"))
  }

  @Test(
    .enabled(if: Fuse.isAvailable, "cannot open /dev/fuse"),
    arguments: [("", "yes"), ("FILTER EPERM", "no")])
  func theMountShowsWhatAProcessMayDo(prefix: String, pins: String) {
    let mount = MountedDirectory()
    let words = prefix.split(separator: " ").map { $0 == "FILTER" ? Self.filter : String($0) }
    let result = run(words.joined(separator: " "), argument: mount.path)
    #expect(result.status == 0, "\(result.output)")
    let frames = getuid() == 0 ? "yes" : "no"
    #expect(Array(result.lines.suffix(2)) == ["can_pin \(pins)", "can_read_frames \(frames)"])
  }
}
