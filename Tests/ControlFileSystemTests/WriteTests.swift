import ControlFileSystem
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ControlFileSystemTests {
  /// Takes the requests that the writes of a test make.
  private final class Requests: Sendable {
    private let seen = Lock<[ControlRequest]>([])
    var all: [ControlRequest] { seen.withLock { $0 } }

    func serve(_ reply: ControlReply = .ok) throws -> ControlServer {
      try ControlServer(publication: Publication.current()) { request in
        self.seen.withLock { $0.append(request) }
        return reply
      }
    }
  }

  /// The error number of a write, and what `last_error` says then.
  private func failure(_ kernel: FakeKernel, _ text: String, _ path: String) throws -> Int32? {
    do {
      try kernel.write(text, to: path)
      return nil
    } catch {
      let last = try kernel.text("/last_error")
      #expect(last.contains("file \(path)\n"))
      #expect(last.contains("error \(ErrorName.name(of: error.number))\n"))
      #expect(last.contains("reason \(error.reason)\n"))
      return error.number
    }
  }

  @Test(arguments: [
    ("4096\n", UInt64(4096)), ("64k", 65536), ("2m\n", 2 << 20), ("1g", 1 << 30), ("max\n", .max),
    ("0x1000", 4096), ("0", 0),
  ])
  func aLimitIsSet(text: String, value: UInt64) throws {
    let fixture = try PublishedFixture()
    let requests = Requests()
    let server = try requests.serve()
    try FakeKernel().write(text, to: PublishedFixture.provider + "/limits/max_bytes")
    try FakeKernel().write(text, to: PublishedFixture.provider + "/limits/max_regions")
    server.stop()
    #expect(
      requests.all == [
        .setMaximumBytes(provider: "memfd", value), .setMaximumRegions(provider: "memfd", value),
      ])
    _ = fixture
  }

  @Test func aLimitReadsAsItMayBeWritten() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    #expect(try kernel.text(PublishedFixture.provider + "/limits/max_bytes") == "max\n")
    #expect(try kernel.text(PublishedFixture.provider + "/limits/max_regions") == "500\n")
    _ = fixture
  }

  @Test(arguments: ["", "\n", "-1", "+1", "1 2", "12q", "k", "99999999999999999999", "MAX", "1.5"])
  func whatIsNoLimitIsRefused(text: String) throws {
    let fixture = try PublishedFixture()
    let requests = Requests()
    let server = try requests.serve()
    let path = PublishedFixture.provider + "/limits/max_bytes"
    #expect(try failure(FakeKernel(), text, path) == EINVAL)
    server.stop()
    #expect(requests.all.isEmpty)
    _ = fixture
  }

  @Test func commandsAreCarriedOutInOrder() throws {
    let fixture = try PublishedFixture()
    let requests = Requests()
    let server = try requests.serve()
    try FakeKernel().write(
      "flush\n\n  invalidate 0x7f0000000000 12k\n", to: PublishedFixture.provider + "/ctl")
    server.stop()
    #expect(
      requests.all == [
        .flush(provider: "memfd"), .invalidate(provider: "memfd", range: PublishedFixture.used),
      ])
    _ = fixture
  }

  /// All is read before any of it is done.
  @Test(arguments: [
    "flush\nfrobnicate\n", "flush\ninvalidate 1\n", "flush now", "invalidate x 1",
    "flush\ninvalidate 0x1000 0",
  ])
  func aBadLineUndoesTheGoodOnes(text: String) throws {
    let fixture = try PublishedFixture()
    let requests = Requests()
    let server = try requests.serve()
    #expect(try failure(FakeKernel(), text, PublishedFixture.provider + "/ctl") == EINVAL)
    server.stop()
    #expect(requests.all.isEmpty)
    _ = fixture
  }

  @Test func eachFailureHasItsError() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let ctl = PublishedFixture.provider + "/ctl"
    #expect(try failure(kernel, "flush", ctl) == ENODEV, "the process takes no requests")
    #expect(try failure(kernel, "invalidate 0xfffffffffffff000 8k", ctl) == ERANGE)
    #expect(try failure(kernel, String(repeating: "flush\n", count: 800), ctl) == E2BIG)
    #expect(try failure(kernel, "flu\0sh", ctl) == EINVAL)
    #expect(throws: ControlError.self) { try kernel.write([0xff, 0xfe], to: ctl) }
    #expect(try failure(kernel, "x", "/version") == EACCES)
    let server = try Requests().serve(.failed(errno: EBUSY, reason: "it is in use"))
    #expect(try failure(kernel, "flush", ctl) == EBUSY)
    server.stop()
    _ = fixture
  }

  @Test func lastErrorIsPerUser() throws {
    let fixture = try PublishedFixture()
    var kernel = FakeKernel()
    #expect(try kernel.text("/last_error") == "")
    #expect(try failure(kernel, "x", "/version") == EACCES)
    let mine = try kernel.text("/last_error")
    kernel.user = 54321
    #expect(try kernel.text("/last_error") == "")
    kernel.user = getuid()
    #expect(try kernel.text("/last_error") == mine)
    _ = fixture
  }

  @Test func removingARegistrationInvalidatesIt() throws {
    let fixture = try PublishedFixture()
    let kernel = FakeKernel()
    let requests = Requests()
    let server = try requests.serve()
    try kernel.remove(PublishedFixture.provider + "/cache/" + PublishedFixture.usedName)
    server.stop()
    #expect(
      requests.all == [.invalidate(provider: "memfd", range: PublishedFixture.used)])
    for path in ["/README", PublishedFixture.provider + "/cache.tsv"] {
      do {
        try kernel.remove(path)
        Issue.record("\(path) was removed")
      } catch {
        #expect(error.number == EPERM)
      }
    }
    _ = fixture
  }

  @Test func anAdaptersCommandsGoToItsProvider() throws {
    let fixture = try PublishedFixture()
    let requests = Requests()
    let server = try requests.serve()
    try FakeKernel().write("flush", to: "/nics/mem1/ctl")
    server.stop()
    #expect(requests.all == [.flush(provider: "memfd")])
    _ = fixture
  }

  @Test func readingCtlGivesTheCommands() throws {
    let fixture = try PublishedFixture()
    let text = try FakeKernel().text(PublishedFixture.provider + "/ctl")
    #expect(
      text.split(separator: "\n").map { $0.split(separator: " ")[0] } == ["flush", "invalidate"])
    _ = fixture
  }
}
