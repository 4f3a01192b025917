import ControlFileSystem
import Glibc
import Testing

@Suite struct MountTableTests {
  @Test func mountPointsAreReadWithTheirTypes() {
    let text = """
      22 1 254:0 / / rw,relatime - ext4 /dev/root rw
      97 22 0:44 / /tmp/a\\040b rw,nosuid shared:3 - fuse.pindown pindown rw,user_id=0
      98 22 0:45 / /tmp/c\\134d rw master:1 propagate_from:2 - tmpfs none rw
      broken line
      """
    let mounts = MountTable.parse(text)
    #expect(mounts.map(\.directory) == ["/", "/tmp/a b", "/tmp/c\\d"])
    #expect(mounts.map(\.isPindown) == [false, true, false])
  }

  /// What is wrong is found before anything is mounted.
  @Test func aDirectoryThatCannotServeIsRefused() throws {
    let name = "/tmp/pindown-test-\(getpid())"
    mkdir(name, 0o700)
    defer {
      unlink(name + "/file")
      rmdir(name)
    }
    close(open(name + "/file", O_CREAT | O_WRONLY, 0o600))
    #expect(throws: MountError.missing(directory: "/no/such")) {
      try ControlFileSystem.serve(at: "/no/such")
    }
    #expect(throws: MountError.notMounted(directory: name)) { try ControlFileSystem.unmount(name) }
    guard access("/dev/fuse", R_OK | W_OK) == 0 else { return }
    #expect(throws: MountError.notEmpty(directory: name)) { try ControlFileSystem.serve(at: name) }
    #expect(throws: MountError.notADirectory(name + "/file")) {
      try ControlFileSystem.serve(at: name + "/file")
    }
    #expect(throws: MountError.self) { try ControlFileSystem.serve(at: "/proc") }
  }
}
