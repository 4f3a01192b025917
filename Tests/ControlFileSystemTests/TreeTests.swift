import ControlFileSystem
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ControlFileSystemTests {
  @Test func theTreeIsTheOneOfTheDesign() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    #expect(
      try kernel.names("/") == [
        "README", "version", "schema", "last_error", "summary.json", "events", "events.json",
        "nics", "providers", "processes",
      ])
    #expect(
      try kernel.names("/nics/mem0") == [
        "address", "state", "counters", "limits", "registrations", "queues", "ctl",
      ])
    #expect(
      try kernel.names(PublishedFixture.process) == [
        "command", "monitors", "stats", "tracked", "providers", "sockets",
      ])
    #expect(
      try kernel.names(PublishedFixture.provider) == [
        "cache", "cache.tsv", "cache.json", "secured", "secured.tsv", "secured.json", "stats",
        "limits", "ctl",
      ])
    #expect(
      try kernel.names(PublishedFixture.provider + "/secured/" + PublishedFixture.usedName) == [
        "info", "frames", "nic", "app",
      ])
    #expect(
      try kernel.names(PublishedFixture.provider + "/cache") == [
        PublishedFixture.usedName, PublishedFixture.cachedName,
      ])
    #expect(try kernel.names(PublishedFixture.process + "/sockets") == ["6"])
    _ = fixture
  }

  /// Every path fits a pattern of `schema` with its mode, and every pattern is met.
  @Test func schemaDescribesWhatIsThere() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let rows = try kernel.text("/schema").split(separator: "\n").dropFirst().map {
      $0.split(separator: " ", maxSplits: 4).map(String.init)
    }
    var met = Set<String>()
    for path in try kernel.walk() {
      let parts = path.split(separator: "/")
      let row = rows.first { row in
        let pattern = row[0].split(separator: "/")
        return pattern.count == parts.count
          && zip(pattern, parts).allSatisfy { $0 == $1 || $0.hasPrefix("<") }
      }
      let found = try #require(row, "\(path) is not in the schema")
      let mode = String(try kernel.attributes(path).mode & 0o7777, radix: 8)
      #expect(UInt32(mode, radix: 8) == UInt32(found[2], radix: 8), "\(path)")
      met.insert(found[0])
    }
    #expect(met == Set(rows.map { $0[0] }))
    _ = fixture
  }

  @Test func aRegionsFileHasItsLengthTimeAndKeys() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let path = PublishedFixture.provider + "/cache/" + PublishedFixture.usedName
    let attributes = try kernel.attributes(path)
    #expect(attributes.size == 0x3000)
    #expect(attributes.time == PublishedFixture.registeredAt)
    let lines = try kernel.text(path).split(separator: "\n")
    for line in [
      "start 0x00007f0000000000", "end 0x00007f0000003000", "length_bytes 12288",
      "state in-use", "references 2", "access read-write", "backing pinned",
      "nics mem0,mem1", "key mem0 0x00000011", "key mem1 0x00000022", "consistent yes",
    ] {
      #expect(lines.contains(Substring(line)))
    }
    _ = fixture
  }

  /// Tools that copy by size look at it after they have opened the file.
  @Test func whoHasAFileOpenIsToldTheLengthOfItsContent() throws {
    let fixture = try PublishedFixture()
    var kernel = FakeKernel()
    let path = PublishedFixture.provider + "/cache/" + PublishedFixture.usedName
    let length = try kernel.text(path).utf8.count
    let handle = try kernel.open(path)
    #expect(try kernel.attributes(path).size == UInt64(length))
    kernel.thread += 1
    #expect(try kernel.attributes(path).size == 0x3000, "not to somebody else")
    kernel.thread -= 1
    kernel.server.close(handle)
    #expect(try kernel.attributes(path).size == 0x3000)
    _ = fixture
  }

  @Test func aFileIsRenderedOnceWhenItIsOpened() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let path = PublishedFixture.provider + "/cache.tsv"
    let before = try kernel.text(path)
    let handle = try kernel.open(path)
    fixture.removeRegion(0)
    #expect(try kernel.rest(handle, from: 0, chunk: 7) == before)
    kernel.server.close(handle)
    let after = try kernel.text(path)
    #expect(after.split(separator: "\n").count == before.split(separator: "\n").count - 1)
    #expect(before.split(separator: "\n").last != after.split(separator: "\n").last, "generation")
  }

  @Test func tablesBeginWithTheirColumns() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    for name in ["cache.tsv", "secured.tsv"] {
      let lines = try kernel.text(PublishedFixture.provider + "/" + name).split(separator: "\n")
      let columns = lines[0].split(separator: "\t")
      #expect(columns.first == "# start")
      for row in lines.dropFirst() where !row.hasPrefix("#") {
        #expect(row.split(separator: "\t").count == columns.count)
      }
    }
    _ = fixture
  }

  /// The region at the same address is another one, once it was registered again.
  @Test func aRegionThatWasReplacedIsGone() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let path = PublishedFixture.provider + "/cache/" + PublishedFixture.usedName
    let old = try kernel.server.lookup(
      try folder(kernel, PublishedFixture.provider + "/cache"), PublishedFixture.usedName,
      kernel.reader)
    fixture.putRegion(0, PublishedFixture.used, generation: 5, references: 0)
    #expect(throws: ControlError.self) { try kernel.server.attributes(old.number, kernel.reader) }
    #expect(try kernel.attributes(path).number != old.number)
    fixture.removeRegion(0)
    do {
      _ = try kernel.attributes(path)
      Issue.record("a region that was removed has a file")
    } catch {
      #expect(error.number == ENOENT)
    }
  }

  private func folder(_ kernel: FakeKernel, _ path: String) throws -> UInt64 {
    var number: UInt64 = 1
    for name in path.split(separator: "/") {
      number = try kernel.server.lookup(number, String(name), kernel.reader).number
    }
    return number
  }

  @Test func aProvidersLinkLeadsIntoItsProcess() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let target = try kernel.withNumber("/providers/memfd/\(getpid())") {
      number throws(ControlError) in
      try kernel.server.link(number, kernel.reader)
    }
    #expect(target == "../../processes/\(getpid())/providers/memfd")
    _ = fixture
  }

  @Test func whatBelongsToAnotherUserIsNotShown() throws {
    let fixture = try PublishedFixture()
    let owner = FakeKernel()
    let other = FakeKernel(user: 54321)
    #expect(try owner.names("/processes").contains("\(getpid())"))
    #expect(try !other.names("/processes").contains("\(getpid())"))
    #expect(try !other.names("/nics").contains("mem0"))
    #expect(try !other.text("/summary.json").contains("\"pid\":\(getpid())"))
    #expect(throws: ControlError.self) { try other.text(PublishedFixture.process + "/stats") }
    let attributes = try owner.attributes(PublishedFixture.process)
    #expect(attributes.user == getuid() && attributes.mode & 0o777 == 0o500)
    _ = fixture
  }

  @Test func pageFramesAreForAPrivilegedReader() throws {
    let fixture = try PublishedFixture()
    let folder = PublishedFixture.provider + "/secured/" + PublishedFixture.usedName
    for name in ["frames", "nic", "app"] {
      let attributes = try FakeKernel().attributes("\(folder)/\(name)")
      #expect(attributes.mode & 0o777 == 0o400 && attributes.user == 0)
    }
    _ = fixture
  }

  /// The frames of real pages, before and after the mapping under them has changed.
  @Test(.enabled(if: getuid() == 0, "only root may see page frames"))
  func framesShowWhetherTheAdapterAndTheApplicationHaveTheSamePages() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let length = 2 * Int(Page.size)
    let flags = Int32(MAP_PRIVATE) | Int32(MAP_ANONYMOUS)
    let memory = try #require(mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0))
    defer { munmap(memory, length) }
    memset(memory, 1, length)
    let start = UInt(bitPattern: memory)
    let range = AddressRange(start: start, end: start + UInt(length))
    fixture.putRegion(2, range, generation: 1, references: 0)
    let digits = String(start, radix: 16)
    let name = try #require(
      try kernel.names(PublishedFixture.provider + "/secured").first { $0.contains(digits) })
    let folder = PublishedFixture.provider + "/secured/" + name
    let frames = try kernel.text(folder + "/app").split(separator: "\n").dropFirst().prefix(2).map {
      UInt64($0.split(separator: " ")[1].dropFirst(2), radix: 16)
    }
    let chunk = fixture.publication.frameChunk(3)
    for (index, frame) in frames.enumerated() { chunk.frame(index).store(try #require(frame)) }
    fixture.publication.region(2).frameCount.store(2)
    fixture.publication.region(2).firstFrameChunk.store(4)
    func matches() throws -> [String] {
      try kernel.text(folder + "/frames").split(separator: "\n").dropFirst().prefix(2).map {
        String($0.split(separator: " ")[3])
      }
    }
    // What the other test of the same makes of it: the copy of the tables may be a moment old.
    fixture.putRegion(3, PublishedFixture.cached, generation: 1, references: 0)
    #expect(try matches() == ["same", "same"])
    #expect(try kernel.text(folder + "/nic") == kernel.text(folder + "/app"))
    // The first page goes; what is mapped there later is another one.
    madvise(memory, Int(Page.size), Int32(MADV_DONTNEED))
    #expect(try matches() == ["different", "same"])
    #expect(try kernel.text(folder + "/nic") != kernel.text(folder + "/app"))
  }

  @Test func theKernelsNodesAreForgotten() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let first = try kernel.server.lookup(1, "nics", kernel.reader)
    _ = try kernel.server.lookup(1, "nics", kernel.reader)
    kernel.server.forget(first.number, 1)
    #expect(throws: Never.self) { try kernel.server.attributes(first.number, kernel.reader) }
    kernel.server.forget(first.number, 1)
    #expect(throws: ControlError.self) { try kernel.server.attributes(first.number, kernel.reader) }
    _ = fixture
  }
}
