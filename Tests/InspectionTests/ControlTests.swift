import Glibc
import Inspection
import Testing
import VirtualMemory

extension InspectionTests {
  static let requests: [ControlRequest] = [
    .flush(provider: "memfd"),
    .invalidate(
      provider: "memfd", range: AddressRange(start: 0x7f00_0000_1000, end: 0x7f00_0000_3000)),
    .setMaximumBytes(provider: "memfd", 4096),
    .setMaximumBytes(provider: "memfd", .max),
    .setMaximumRegions(provider: "other", 0),
  ]

  @Test(arguments: requests) func requestsAreReadBackFromTheirText(request: ControlRequest) {
    #expect(ControlRequest(text: request.text) == request)
  }

  @Test(arguments: [
    "", "flush", "flush a b", "invalidate p 10 20", "invalidate p 0xg 1",
    "invalidate p 0xffffffffffffffff 2", "set p max_bytes -1", "set p other 1", "drop p",
  ])
  func whatIsNoRequestIsRefused(text: String) {
    #expect(ControlRequest(text: text) == nil)
  }

  @Test func repliesAreReadBackFromTheirText() {
    let failed = ControlReply.failed(errno: ERANGE, reason: "too large by 3")
    #expect(ControlReply(text: failed.text) == failed)
    #expect(ControlReply(text: "ok") == .ok)
    if case .failed(let number, _) = ControlReply(text: "what") {
      #expect(number == EIO)
    } else {
      Issue.record("an answer that is none was taken for one")
    }
  }

  @Test func aRequestReachesTheHandlerAndItsReplyTheAsker() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let seen = Lock<[ControlRequest]>([])
    let server = try ControlServer(publication: publication) { request in
      seen.withLock { $0.append(request) }
      return request == .flush(provider: "busy") ? .failed(errno: EBUSY, reason: "in use") : .ok
    }
    for request in Self.requests { #expect(process.send(request) == .ok) }
    #expect(seen.withLock { $0 } == Self.requests)
    let refused = process.send(.flush(provider: "busy"))
    #expect(refused == .failed(errno: EBUSY, reason: "in use"))
    server.stop()
    let gone = process.send(.flush(provider: "memfd"))
    #expect(gone == .failed(errno: ENODEV, reason: "the process takes no requests"))
  }

  @Test func aProcessThatDoesNotAnswerIsGivenUpAfterTwoSeconds() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let server = try ControlServer(publication: publication) { _ in
      usleep(3_000_000)
      return .ok
    }
    let reply = process.send(.flush(provider: "memfd"))
    guard case .failed(let number, _) = reply else {
      Issue.record("an answer came after the time was over")
      return
    }
    #expect(number == ETIMEDOUT)
    server.stop()
  }

  @Test func aNameThatSomebodyElseTookIsNotTrusted() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    publication.setName(
      publication.header.controlSocketName, "pindown-nobody-listens",
      capacity: ProcessHeader.controlSocketNameBytes)
    let reply = process.send(.flush(provider: "memfd"))
    publication.setName(
      publication.header.controlSocketName, "",
      capacity: ProcessHeader.controlSocketNameBytes)
    guard case .failed(let number, _) = reply else {
      Issue.record("nobody answered")
      return
    }
    #expect(number == ENODEV)
  }
}
