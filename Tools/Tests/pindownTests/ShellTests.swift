import Glibc
import Testing

/// What a user does with the files, with the tools that everybody has.
extension MountTests {
  @Test func listingShowsSizesAndTimes() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let result = mount.run("stat -c '%n %s %Y %a' \(process.provider)/cache/*")
    #expect(result.lines.count == 2)
    #expect(
      result.lines.first?.hasSuffix(
        "/0000007000000000-0000007001000000 16777216 1700000000 444") == true)
    let list = mount.run("ls -l \(process.provider)/cache")
    #expect(list.status == 0 && list.output.contains(" 16777216 "))
  }

  @Test func catReadsAFileWhoseSizeIsThatOfTheRegion() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let file = "\(process.provider)/cache/0000007000000000-0000007001000000"
    let whole = mount.run("cat \(file)")
    #expect(whole.lines.contains("length_bytes 16777216"))
    let copy = mount.run("cp \(file) /tmp/pindown-copy && cat /tmp/pindown-copy")
    #expect(copy.output == whole.output)
    #expect(mount.run("head -n 2 \(file); rm /tmp/pindown-copy").lines.count == 2)
    #expect(mount.run("wc -c < \(file)").lines == ["\(whole.output.utf8.count)"])
    #expect(mount.run("tail -n 1 \(file)").lines == ["key mem1 0x00000022"])
  }

  /// What tools say of processes that ended while they looked; anything else is a fault.
  private func faults(_ result: Program.Result, of process: PublishingProcess) -> [Substring] {
    result.errors.split(separator: "\n").filter {
      !$0.hasSuffix(": No such file or directory") || $0.contains("/\(process.pid)")
    }
  }

  @Test func grepAndFindGoThroughAllAndEnd() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let own = mount.run("grep -r 'length_bytes 16777216' processes/\(process.pid)")
    #expect(own.status == 0 && own.errors == "" && own.lines.count == 2)
    #expect(!own.output.contains("binary"))
    // The whole tree has the processes of others, which come and go.
    let grep = mount.run("grep -r 'length_bytes 16777216' .", seconds: 120)
    #expect(grep.output.contains("./processes/\(process.pid)/providers/memfd/cache/"))
    #expect(faults(grep, of: process) == [])
    #expect(!grep.output.contains("binary"))
    let find = mount.run("find . -name '*.tsv' -path '*/\(process.pid)/*'", seconds: 120)
    #expect(faults(find, of: process) == [] && find.lines.count == 4, "\(find.output)")
    let large = mount.run("find processes/\(process.pid) -path '*/cache/*' -size +1M")
    #expect(large.status == 0 && large.lines.count == 1)
  }

  @Test func tarPacksWhatCatShows() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let line = "tar cf /tmp/pindown-test.tar README schema nics/mem0/address \(process.provider)"
    let tar = mount.run(line)
    #expect(tar.status == 0 && tar.errors == "")
    for file in ["README", "\(process.provider)/cache.tsv", "\(process.provider)/limits/max_bytes"]
    {
      let same = mount.run("tar xOf /tmp/pindown-test.tar \(file) | cmp - \(file)")
      #expect(same.status == 0, "\(file): \(same.errors)")
    }
    let region = mount.run(
      "tar xOf /tmp/pindown-test.tar --wildcards '*/cache/*' | tr -d '\\0' | wc -l")
    #expect(region.lines == ["26"])
    _ = mount.run("rm /tmp/pindown-test.tar")
  }

  @Test(arguments: ["summary.json", "events.json", "PROVIDER/cache.json", "PROVIDER/secured.json"])
  func jqReadsTheJSONFiles(file: String) {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let path = file.split(separator: "/").map { $0 == "PROVIDER" ? process.provider : "\($0)" }
    let result = mount.run("jq -r '.schema, (.generation|type)' \(path.joined(separator: "/"))")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.count == 2 && result.lines[1] == "number")
    #expect(result.lines[0].hasPrefix("pindown."))
  }

  @Test func eventsNameProvidersAndAdapters() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let lines = mount.run("grep ' \(process.pid) ' events").lines.map {
      $0.split(separator: " ").map(String.init)
    }
    #expect(lines.map { $0[3] } == ["registered", "mapping-change", "callback", "deregistered"])
    #expect(lines.allSatisfy { $0.count == 12 })
    #expect(lines[2][5] == "memfd" && lines[3][6] == "mem1" && lines[1][8] == "munmap")
  }

  @Test func tailFollowsTheEvents() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let output = "/tmp/pindown-tail-\(getpid())"
    // Others may be busy: only our own lines are looked at.
    let own = "grep --line-buffered ' \(process.pid) '"
    let line = "exec tail -n +1 -f \(mount.path)/events > >(\(own))"
    let tail = Program.spawn(["bash", "-c", line], output: output)
    func lines() -> [Substring] { Program.contents(output).split(separator: "\n") }
    #expect(waits { lines().count == 4 })
    process.tell("event")
    process.tell("event")
    #expect(waits { lines().count == 6 })
    #expect(lines().last?.contains(" callback ") == true)
    kill(tail, SIGKILL)
    waitpid(tail, nil, 0)
    unlink(output)
  }

  @Test func pollWakesAndReadingFromTheStartGivesTheNewState() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let file = open(mount.path + "/" + process.provider + "/cache.tsv", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let before = pread(file, &bytes, bytes.count, 0)
    var waiting = pollfd(fd: file, events: Int16(POLLPRI), revents: 0)
    #expect(poll(&waiting, 1, 0) == 0, "nothing has changed")
    process.tell("region")
    #expect(poll(&waiting, 1, 5000) == 1)
    #expect(pread(file, &bytes, bytes.count, 0) > before)
  }

  @Test func writesReachTheProcess() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let provider = process.provider
    let limit = mount.run(
      "echo 64k > \(provider)/limits/max_bytes; cat \(provider)/limits/max_bytes")
    #expect(limit.lines == ["65536"] && limit.errors == "")
    let none = mount.run(
      "echo max > \(provider)/limits/max_bytes; cat \(provider)/limits/max_bytes")
    #expect(none.lines == ["max"])
    let flush = mount.run("echo flush > \(provider)/ctl; ls \(provider)/cache | wc -l")
    #expect(flush.lines == ["1"], "what is in use stays")
    let remove = mount.run("rm -f \(provider)/cache/*; ls \(provider)/cache \(provider)/secured")
    #expect(remove.status == 0 && !remove.output.contains("-0000"))
  }

  @Test func badWritesGiveTheirErrorAndTheReason() {
    let process = PublishingProcess()
    let mount = MountedDirectory()
    let limit = "\(process.provider)/limits/max_regions"
    let bad = mount.run("echo many > \(limit)")
    #expect(bad.status == 1 && bad.errors.contains("Invalid argument"))
    let reason = mount.run("cat last_error")
    #expect(reason.lines.contains("file /\(limit)") && reason.lines.contains("input many"))
    let range = mount.run("echo 13 > \(limit)")
    #expect(range.errors.contains("Numerical result out of range"))
    #expect(mount.run("cat last_error").output.contains("reason thirteen is out of range"))
    for line in ["mkdir x", "touch x", "rm README", "mv README x", "ln -s a x"] {
      let result = mount.run(line)
      #expect(result.status != 0 && result.errors.contains("Operation not permitted"), "\(line)")
    }
  }

  @Test(.enabled(if: getuid() == 0, "needs two users"))
  func anotherUserSeesOnlyItsOwn() {
    let process = PublishingProcess()
    let mount = MountedDirectory(options: "--allow-other")
    func asNobody(_ line: String) -> Program.Result {
      mount.run("setpriv --reuid 65534 --regid 65534 --clear-groups bash -c '\(line)'")
    }
    #expect(asNobody("cat version").status == 0)
    #expect(asNobody("ls processes").output == "")
    #expect(asNobody("cat processes/\(process.pid)/stats").status != 0)
    #expect(!asNobody("cat events").output.contains(" \(process.pid) "))
    #expect(asNobody("echo flush > \(process.provider)/ctl").status != 0)
    // Without --allow-other the mount is closed to others altogether.
    let closed = MountedDirectory()
    let result = closed.run("setpriv --reuid 65534 --clear-groups cat \(closed.path)/version")
    #expect(result.status != 0)
  }
}
