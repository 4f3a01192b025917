import CPublishingChild
import Glibc
import Inspection
import Testing

extension InspectionTests {
  private func start(
    length: Int = Layout.totalBytes, version: UInt32 = Layout.version, sealed: Bool = true
  ) -> Int32 {
    CPublishingChild_start(length, Layout.magic, version, sealed)
  }

  @Test func aProcessIsFoundWithoutBeingTold() throws {
    let scanner = ProcessScanner()
    let child = start()
    defer { CPublishingChild_end(child) }
    let found = scanner.processes()
    #expect(found.contains { $0.pid == child })
    #expect(found.first { $0.pid == child }?.userID == getuid())
    #expect(scanner.processes().contains { $0.pid == child }, "and again, from what is known")
  }

  @Test func aStoppedProcessIsReadAndAKilledOneIsNot() throws {
    let scanner = ProcessScanner()
    let child = start()
    kill(child, SIGSTOP)
    let stopped = try #require(scanner.process(child))
    #expect(stopped.snapshot().isConsistent)
    // Killed and not yet waited for: the number is still taken.
    kill(child, SIGKILL)
    var status = siginfo_t()
    waitid(P_PID, id_t(child), &status, Int32(WEXITED) | Int32(WNOWAIT))
    #expect(!stopped.isAlive)
    #expect(scanner.process(child) == nil)
    #expect(!scanner.processes().contains { $0.pid == child })
    CPublishingChild_end(child)
    #expect(stopped.snapshot().identity.pid == child, "who has it mapped may read on")
  }

  @Test func aProcessThatPublishesNothingIsNotPublished() {
    #expect(throws: InspectionError.notPublished) { try PublishedProcess(pid: 1 << 22) }
    let child = start(length: 8192)
    #expect(throws: InspectionError.notPublished) { try PublishedProcess(pid: child) }
    CPublishingChild_end(child)
  }

  @Test func aMemfdThatCouldShrinkUnderTheReaderIsRefused() {
    let child = start(sealed: false)
    #expect(throws: InspectionError.notPublished) { try PublishedProcess(pid: child) }
    CPublishingChild_end(child)
  }

  @Test func anotherLayoutIsSaidToBeUnknown() {
    let child = start(version: 77)
    #expect(throws: InspectionError.unknownLayout(version: 77)) { try PublishedProcess(pid: child) }
    CPublishingChild_end(child)
  }
}
