import Glibc
import Testing

/// What is wrong, and what to do about it: one line, exit status 1, or 64 for wrong usage.
extension MountTests {
  private func expectRefusal(_ line: String, status: Int32 = 1, saying text: String) {
    let result = Program.run(line)
    #expect(result.status == status, "\(line)")
    #expect(result.output == "", "\(line)")
    #expect(result.errors.contains(text), "\(line): \(result.errors)")
    if status == 1 {
      #expect(result.errors.split(separator: "\n").count == 1, "\(line): \(result.errors)")
      #expect(result.errors.hasPrefix("pindown: "), "\(line): \(result.errors)")
    }
  }

  @Test func aSecondMountIsRefused() {
    let mount = MountedDirectory()
    let path = mount.path
    expectRefusal("pindown mount \(path)", saying: "mounted on \(path) already")
    expectRefusal("pindown mount --foreground \(path)", saying: "mounted on \(path) already")
    let name = path.split(separator: "/")[1]
    expectRefusal("cd /tmp && pindown mount ./\(name)", saying: "already")
    #expect(mount.run("cat version").status == 0, "the first one serves on")
  }

  @Test func ofTwoMountsAtTheSameMomentOneIsRefused() {
    let mount = MountedDirectory(isMounted: false)
    let line = """
      pindown mount \(mount.path) & first=$!
      pindown mount \(mount.path) & second=$!
      wait $first; a=$?; wait $second; b=$?; echo $((a + b))
      """
    let result = Program.run(line)
    #expect(result.lines == ["1"])
    #expect(result.errors.contains("already"))
    #expect(Program.run("grep -c ' \(mount.path) ' /proc/mounts").lines == ["1"])
  }

  @Test func aDirectoryThatWillNotDoIsRefused() {
    let mount = MountedDirectory(isMounted: false)
    let path = mount.path
    expectRefusal("pindown mount \(path)/missing", saying: "does not exist; make it with: mkdir")
    _ = Program.run("touch \(path)/file")
    expectRefusal("pindown mount \(path)", saying: "is not empty")
    expectRefusal("pindown mount \(path)/file", saying: "is not a directory")
    _ = Program.run("rm \(path)/file")
    expectRefusal("pindown unmount \(path)", saying: "pindown is not mounted on \(path)")
    expectRefusal("pindown unmount /proc", saying: "pindown is not mounted on /proc")
    expectRefusal("pindown mount /proc", saying: "another file system (proc)")
  }

  @Test func wrongUsageHasItsStatus() {
    expectRefusal("pindown mount", status: 64, saying: "Usage")
    expectRefusal("pindown mount --frobnicate /tmp", status: 64, saying: "Usage")
    expectRefusal("pindown frobnicate", status: 64, saying: "Usage")
  }

  @Test(.enabled(if: getuid() == 0, "needs a mount name space of its own"))
  func withoutTheDeviceItSaysHowToGetIt() {
    let mount = MountedDirectory(isMounted: false)
    let hidden = """
      unshare -m bash -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && \
      pindown mount \(mount.path)'
      """
    expectRefusal(hidden, saying: "there is no /dev/fuse; load the kernel's module")
  }

  @Test(.enabled(if: getuid() == 0, "needs a second user"))
  func withoutPermissionItSaysWhatToDo() {
    let mount = MountedDirectory(isMounted: false)
    // A device that is root's, whatever the one of this machine is.
    let line = """
      unshare -m bash -c 'mount -t tmpfs none /dev/shm; \
      mknod -m 600 /dev/shm/fuse c 10 229; mount --bind /dev/shm/fuse /dev/fuse; \
      chmod 777 \(mount.path); \
      setpriv --reuid 65534 --regid 65534 --clear-groups $(which pindown) mount \(mount.path)'
      """
    expectRefusal(line, saying: "you may not open /dev/fuse")
  }
}
