import ControlFileSystem
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ControlFileSystemTests {
  private func lines(_ text: String) -> [[String]] {
    text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      .filter { $0[0] != "#" && $0[2] == "\(getpid())" }
  }

  @Test func aLineNamesProviderAndAdapter() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let before = try lines(kernel.text("/events")).count
    let publication = fixture.publication
    publication.append(.mappingChange, range: PublishedFixture.used, detail: 1)
    publication.append(.callback, range: PublishedFixture.used, provider: 0, duration: 1234)
    publication.append(.deregistered, range: PublishedFixture.used, provider: 0, nic: 1)
    publication.append(.callback, status: 10014, provider: 0)
    let text = try kernel.text("/events")
    let columns = text.split(separator: "\n")[0].split(separator: " ").dropFirst().map(String.init)
    let fresh = Array(lines(text).dropFirst(before))
    #expect(fresh.count == 4 && fresh.allSatisfy { $0.count == columns.count })
    func field(_ row: Int, _ column: String) throws -> String {
      fresh[row][try #require(columns.firstIndex(of: column))]
    }
    #expect(
      try (0..<4).map { try field($0, "kind") }
        == ["mapping-change", "callback", "deregistered", "callback"])
    #expect(try field(0, "change") == "munmap")
    #expect(try field(0, "range") == "0x00007f0000000000-0x00007f0000003000")
    #expect(try field(1, "provider") == "memfd" && field(1, "duration_ns") == "1234")
    #expect(try field(2, "nic") == "mem1")
    #expect(try field(1, "status") == "ok" && field(3, "status") == "WSAEFAULT")
  }

  /// `cat` ends though events keep coming; `tail -f` goes on where it was.
  @Test func aReaderEndsAndAFollowerGoesOn() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let handle = try kernel.open("/events")
    var offset = 0
    while true {
      // More than is read each time.
      for _ in 0..<100 { fixture.publication.append(.evicted) }
      let bytes = try kernel.server.read(handle, offset: offset, count: 1000)
      if bytes.isEmpty { break }
      offset += bytes.count
    }
    let size = try kernel.attributes("/events").size
    #expect(size > offset, "who has read is told that there is more")
    let more = try kernel.rest(handle, from: offset)
    #expect(offset + more.utf8.count == Int(size))
    #expect(more.split(separator: "\n").allSatisfy { $0.contains("evicted") })
    kernel.server.close(handle)
  }

  @Test func aReadGivesAllThatWasAskedFor() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    for _ in 0..<100 { fixture.publication.append(.evicted) }
    let handle = try kernel.open("/events")
    #expect(try kernel.server.read(handle, offset: 0, count: 4096).count == 4096)
    let whole = try kernel.rest(handle, from: 0, chunk: 1 << 20)
    var small = ""
    while small.utf8.count < 4096 {
      small += String(
        decoding: try kernel.server.read(handle, offset: small.utf8.count, count: 13),
        as: UTF8.self)
    }
    #expect(whole.hasPrefix(small))
    kernel.server.close(handle)
  }

  @Test func whatWasOverwrittenUnreadIsCounted() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    _ = try kernel.text("/events")
    for _ in 0..<Layout.maximumEvents + 5 { fixture.publication.append(.evicted) }
    let text = try kernel.text("/events", chunk: 1 << 20)
    #expect(text.contains("# 5 events of process \(getpid()) were overwritten unread\n"))
  }

  @Test func pollTellsOfChanges() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let events = try kernel.open("/events")
    let summary = try kernel.open("/summary.json")
    _ = try kernel.rest(events, from: 0, chunk: 1 << 20)
    let before = try kernel.rest(summary, from: 0)
    #expect(try !kernel.server.isReady(events))
    #expect(try !kernel.server.isReady(summary))
    fixture.removeRegion(1)
    fixture.publication.append(.evicted)
    #expect(try kernel.server.isReady(events))
    #expect(try kernel.server.isReady(summary))
    #expect(try kernel.rest(summary, from: 0) != before, "who polls reads anew from the start")
    #expect(try !kernel.server.isReady(summary))
    kernel.server.close(events)
    kernel.server.close(summary)
  }
}
