import SocketsSwitch
import VirtualMemory

// Sending: by messages.
extension Session {
  /// Sends all of the bytes; one thread at a time, the others wait.
  func send(_ bytes: UnsafeRawBufferPointer, until deadline: Deadline) throws(StreamError) {
    try sending.withLock { (_) throws(StreamError) in
      var sent = 0
      do throws(StreamError) {
        if bytes.count > options.rdmaThreshold {
          try sendLarge(bytes, &sent, until: deadline)
        }
        try sendSmall(bytes, &sent, until: deadline)
      } catch .timedOut {
        throw .timedOut(byteCount: sent)
      }
    }
  }

  /// What a look for room to send found.
  enum Room<Result> {
    case done(Result)
    /// There is a credit, but the adapter still has the buffer.
    case blocked(Transfer)
  }

  /// Sends the bytes after the first `sent`, in messages, and counts them there.
  private func sendSmall(
    _ bytes: UnsafeRawBufferPointer, _ sent: inout Int, until deadline: Deadline
  ) throws(StreamError) {
    while sent < bytes.count {
      sent += try sendWithCredits(1, until: deadline) { state in
        postData(
          SessionMessage(.data), UnsafeRawBufferPointer(rebasing: bytes[sent...]), &state)
      }
    }
  }

  /// Runs `body` when there are so many credits and a buffer.
  func sendWithCredits<Result>(
    _ count: Int, until deadline: Deadline, _ body: (inout SessionState) -> Result
  ) throws(StreamError) -> Result {
    while true {
      let room = try wait(until: deadline, to: .sending) {
        (state) throws(StreamError) -> Room<Result>? in
        if state.isFinished { throw .finished }
        if let failure = state.failure(.sending) { throw failure }
        if state.credits < count { return nil }
        if let blocker = state.dataSends.blocker { return .blocked(blocker) }
        return .done(body(&state))
      }
      switch room {
      case .done(let result): return result
      case .blocked(let transfer):
        // It is time that ends this, or the send itself, well or not.
        _ = try? transfer.wait(until: deadline)
        if !transfer.isComplete { throw .timedOut(byteCount: 0) }
      case nil: throw .timedOut(byteCount: 0)
      }
    }
  }

  /// Says that no more data come.
  func finish() throws(StreamError) {
    try sending.withLock { (_) throws(StreamError) in
      try state.withLock { (state) throws(StreamError) in
        if let failure = state.failure(.sending) { throw failure }
        if state.isFinished { return }
        state.isFinished = true
        postControl(SessionMessage(.finish), &state)
      }
    }
  }
}
