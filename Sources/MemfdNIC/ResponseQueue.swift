import Synchronization

/// What the peer asked for, from the receive thread (which appends) to the transmit thread (which
/// takes). Nobody waits.
final class ResponseQueue: @unchecked Sendable {
  private let responses: UnsafeMutablePointer<Response>
  private let taken = Atomic<Int>(0)
  private let appended = Atomic<Int>(0)

  init() {
    responses = .allocate(capacity: Limits.maximumResponses)
    responses.initialize(repeating: Response(), count: Limits.maximumResponses)
  }

  deinit {
    responses.deallocate()
  }

  /// False where the peer has asked for more at a time than it may.
  func append(_ response: Response) -> Bool {
    let position = appended.load(ordering: .relaxed)
    if position - taken.load(ordering: .acquiring) == Limits.maximumResponses { return false }
    responses[position % Limits.maximumResponses] = response
    appended.store(position + 1, ordering: .sequentiallyConsistent)
    return true
  }

  var isEmpty: Bool {
    taken.load(ordering: .relaxed) == appended.load(ordering: .sequentiallyConsistent)
  }

  func take() -> Response? {
    if isEmpty { return nil }
    let position = taken.load(ordering: .relaxed)
    let response = responses[position % Limits.maximumResponses]
    taken.store(position + 1, ordering: .releasing)
    return response
  }
}
