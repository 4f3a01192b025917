import Testing

@testable import Conformance

/// What goes between the processes comes out as it went in.
struct CallTests {
  @Test func calls() throws {
    let call = Call(.transfer, [0, -1, .max, .min], [0, 255, 16])
    let other = try #require(Call(line: call.line))
    #expect(other.verb == .transfer)
    #expect(other.numbers == call.numbers)
    #expect(other.bytes == call.bytes)
    #expect(Call(line: "nonsense 1:") == nil)
    #expect(Call(line: "poll x:") == nil)
  }

  @Test func outcomes() {
    let failure = Failure.violated(expected: "one, or two", actual: "none")
    guard case .failure(failure) = Outcome(line: Outcome.failure(failure).line) else {
      Issue.record("a failure is not what it was")
      return
    }
    guard case .reply(let reply) = Outcome(line: Outcome.reply(Reply([7], [9])).line) else {
      Issue.record("a reply is not what it was")
      return
    }
    #expect(reply.numbers == [7] && reply.bytes == [9])
    guard case .nothing = Outcome(line: "what a provider prints") else {
      Issue.record("a line of a provider's is taken for an answer")
      return
    }
  }
}
