import Glibc
import Testing

/// Processes and mounts that come, stop and die in any order.
extension MountTests {
  @Test func aProcessIsShownWhicheverWasFirst() {
    let before = PublishingProcess()
    let mount = MountedDirectory()
    let after = PublishingProcess()
    let names = mount.run("ls processes").lines
    #expect(names.contains("\(before.pid)") && names.contains("\(after.pid)"))
  }

  @Test func aKilledProcessIsGoneAtOnce() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    #expect(mount.run("cat processes/\(process.pid)/stats").status == 0)
    process.end()
    let gone = mount.run("ls processes; ls providers/memfd; ls processes/\(process.pid)")
    #expect(!gone.lines.contains("\(process.pid)"))
    #expect(gone.errors.contains("No such file or directory"))
  }

  @Test func aStoppedProcessIsShownAndTakesNoRequests() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    process.tell("begin")
    kill(process.pid, SIGSTOP)
    let stats = mount.run("cat \(process.provider)/cache.tsv")
    #expect(stats.lines.count == 4)
    #expect(stats.lines.last?.hasSuffix("consistent no") == true)
    let write = mount.run("echo flush > \(process.provider)/ctl", seconds: 10)
    #expect(write.errors.contains("Connection timed out"))
    #expect(mount.run("cat last_error").lines.contains("error ETIMEDOUT"))
    kill(process.pid, SIGCONT)
    process.tell("end")
    #expect(mount.run("tail -n 1 \(process.provider)/cache.tsv").output.contains("consistent yes"))
  }

  @Test func unmountEndsTheServer() throws {
    let mount = MountedDirectory()
    let server = try #require(mount.server)
    #expect(Program.run("pindown unmount \(mount.path)").status == 0)
    #expect(!Fuse.isMounted(mount.path))
    #expect(waits { kill(server, 0) != 0 || Program.contents("/proc/\(server)/cmdline") == "" })
  }

  @Test func aSignalEndsTheServerAndTheMount() throws {
    let mount = MountedDirectory()
    kill(try #require(mount.server), SIGTERM)
    let path = mount.path
    #expect(waits { !Fuse.isMounted(path) })
  }

  /// Kills a server and its helper, so that nobody cleans up.
  private func crash(_ mount: MountedDirectory) throws {
    _ = Program.run("pkill -9 -f -- 'fusermount3 .*\(mount.path)$'")
    kill(try #require(mount.server), SIGKILL)
    let path = mount.path
    #expect(waits { Program.run("ls \(path)").errors.contains("endpoint is not connected") })
  }

  @Test func unmountCleansUpAfterACrash() throws {
    let mount = MountedDirectory()
    try crash(mount)
    let result = Program.run("pindown unmount \(mount.path)")
    #expect(result.status == 0 && result.errors == "")
    #expect(mount.run("ls").output == "")
    #expect(!Fuse.isMounted(mount.path))
  }

  @Test func theNextMountCleansUpAfterACrash() throws {
    let mount = MountedDirectory()
    try crash(mount)
    let result = Program.run("pindown mount \(mount.path)")
    #expect(result.status == 0 && result.errors == "")
    #expect(mount.run("cat version").lines.contains("schema 1"))
  }

  @Test(.enabled(if: getuid() == 0, "the helper does it for root"))
  func aKilledServerLeavesNoMount() throws {
    let mount = MountedDirectory()
    kill(try #require(mount.server), SIGKILL)
    let path = mount.path
    #expect(waits { !Fuse.isMounted(path) })
  }

  @Test func inTheForegroundItStays() {
    let mount = MountedDirectory(isMounted: false)
    let program = Program.products + "/pindown"
    let server = Program.spawn(
      [program, "mount", "--foreground", mount.path], output: "/dev/null")
    let path = mount.path
    #expect(waits { Fuse.isMounted(path) })
    #expect(mount.run("cat version").status == 0)
    #expect(Program.run("pindown unmount \(path)").status == 0)
    var status: Int32 = -1
    waitpid(server, &status, 0)
    #expect(status == 0)
  }
}
