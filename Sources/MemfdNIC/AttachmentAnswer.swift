import Synchronization

/// The peer's answer to a request to map its memory, on its way from the receive thread to the
/// transmit thread.
final class AttachmentAnswer: @unchecked Sendable {
  private enum State {
    static let idle: UInt32 = 0
    static let expected: UInt32 = 1
    static let there: UInt32 = 2
  }

  private let state = Atomic<UInt32>(State.idle)
  private var offer: AttachmentOffer?

  /// The transmit thread is about to ask.
  func expect() {
    state.store(State.expected, ordering: .sequentiallyConsistent)
  }

  var isExpected: Bool { state.load(ordering: .sequentiallyConsistent) == State.expected }
  var isThere: Bool { state.load(ordering: .sequentiallyConsistent) == State.there }

  /// The receive thread has it. It was expected.
  func put(_ answer: consuming AttachmentOffer) {
    offer = consume answer
    state.store(State.there, ordering: .sequentiallyConsistent)
  }

  func take() -> AttachmentOffer? {
    state.store(State.idle, ordering: .sequentiallyConsistent)
    return offer.take()
  }
}
