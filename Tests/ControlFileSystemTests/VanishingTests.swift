import CPublishingChild
import ControlFileSystem
import Glibc
import Inspection
import Testing

/// Processes that end while somebody looks.
extension ControlFileSystemTests {
  private func startChild() -> Int32 {
    CPublishingChild_start(Layout.totalBytes, Layout.magic, Layout.version, true)
  }

  /// What shows several processes shows the others.
  @Test func aProcessThatEndsIsSimplyNotThere() throws {
    let fixture = try PublishedFixture()
    let child = startChild()
    let kernel = FakeKernel(children: [child])
    #expect(try kernel.names("/processes").contains("\(child)"))
    let folder = try kernel.server.lookup(
      kernel.server.lookup(1, "processes", kernel.reader).number, "\(child)", kernel.reader)
    let stats = try kernel.open("/processes/\(child)/stats")
    #expect(try kernel.text("/summary.json").contains("\"pid\":\(child),"))
    let paths = try kernel.walk().filter { !$0.contains("/\(child)") }
    CPublishingChild_end(child)
    #expect(try kernel.names("/processes") == ["\(getpid())"])
    #expect(try !kernel.text("/summary.json").contains("\"pid\":\(child),"))
    #expect(try kernel.walk() == paths)
    for path in paths where try kernel.attributes(path).mode & UInt32(S_IFMT) == UInt32(S_IFREG) {
      #expect(throws: Never.self) { try kernel.text(path, chunk: 1 << 20) }
    }
    // What was open stays readable; by its name the process is not to be found any more.
    #expect(try kernel.rest(stats, from: 0).contains("generation 0\n"))
    kernel.server.close(stats)
    for path in ["/processes/\(child)", "/processes/\(child)/stats", "/providers/memfd/\(child)"] {
      #expect { try kernel.attributes(path) } throws: {
        ($0 as? ControlError)?.number == ENOENT
      }
    }
    #expect { try kernel.server.openFolder(folder.number, kernel.reader) } throws: {
      ($0 as? ControlError)?.number == ENOENT
    }
    _ = fixture
  }

  /// Who waits for a file of one process is not woken by the others.
  @Test func pollTellsOfTheProcessThatTheFileIsAbout() throws {
    let child = startChild()
    let fixture = try PublishedFixture()
    let kernel = FakeKernel(children: [child])
    let other = try kernel.open("/processes/\(child)/stats")
    let all = try kernel.open("/summary.json")
    #expect(try !kernel.server.isReady(other) && !kernel.server.isReady(all))
    fixture.removeRegion(1)
    #expect(try !kernel.server.isReady(other))
    #expect(try kernel.server.isReady(all))
    CPublishingChild_end(child)
    #expect(try kernel.server.isReady(other), "that it has ended is a change")
    kernel.server.close(other)
    kernel.server.close(all)
  }

  /// Processes that are not asked for are not even looked at.
  @Test func aScannerLooksOnlyAtItsCandidates() throws {
    let child = startChild()
    defer { CPublishingChild_end(child) }
    let fixture = try PublishedFixture()
    #expect(ProcessScanner(candidates: [child]).processes().map(\.pid) == [child])
    #expect(ProcessScanner(candidates: []).processes().isEmpty)
    #expect(ProcessScanner(candidates: [child]).process(getpid()) == nil)
    #expect(ProcessScanner().process(getpid()) != nil)
    _ = fixture
  }
}
