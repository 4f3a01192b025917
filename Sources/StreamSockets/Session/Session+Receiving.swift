import SocketsSwitch
import VirtualMemory

// Receiving: from messages, and the choice of memory for large transfers.
extension Session {
  /// Receives at least one byte; 0 at the end of the stream. One thread at a time, the others wait.
  func receive(
    into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline
  ) throws(StreamError) -> Int {
    if buffer.isEmpty { return 0 }
    return try receiving.withLock { (staging) throws(StreamError) in
      while true {
        if state.withLock({ $0.failure }) == .closed { throw .closed }
        let staged = staging.take(into: buffer)
        if staged > 0 { return staged }
        let arrival = try wait(until: deadline, to: .receiving) { state in
          takeNext(into: buffer, &state)
        }
        switch arrival {
        case nil: throw .timedOut(byteCount: 0)
        case .end: return 0
        case .copied(let count): return count
        case .offered(let number, let length):
          let count = try receiveLarge(number, length, into: buffer, &staging)
          if count > 0 { return count }
        }
      }
    }
  }

  private enum Arrival {
    case copied(Int)
    case offered(number: UInt32, length: Int)
    case end
  }

  /// Copies what has come in messages. The lock is held.
  private func takeNext(
    into buffer: UnsafeMutableRawBufferPointer, _ state: inout SessionState
  ) -> Arrival? {
    var copied = 0
    while let first = state.incoming.first {
      if let slot = first.slot {
        copied += copy(slot, into: buffer, at: copied, &state)
        if !state.incoming[0].payload.isEmpty { break }
        state.incoming[0].slot = nil
        state.owed += 1
        post(slot, &state)
      }
      if first.remaining > 0 { break }
      state.incoming.removeFirst()
    }
    returnCredits(&state)
    if copied > 0 { return .copied(copied) }
    if let first = state.incoming.first {
      return .offered(number: first.number, length: first.remaining)
    }
    return state.isPeerFinished ? .end : nil
  }

  private func copy(
    _ slot: Int, into buffer: UnsafeMutableRawBufferPointer, at offset: Int,
    _ state: inout SessionState
  ) -> Int {
    let payload = state.incoming[0].payload
    let count = min(payload.count, buffer.count - offset)
    let source = memory.receive(slot)[payload.lowerBound..<(payload.lowerBound + count)]
    UnsafeMutableRawBufferPointer(rebasing: buffer[offset...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: source))
    state.incoming[0].payload = (payload.lowerBound + count)..<payload.upperBound
    return count
  }

  /// Receives a part of a large transfer: into the buffer, and returns how many bytes; or into the
  /// session's own memory, and returns 0, as it does where the transfer was withdrawn.
  private func receiveLarge(
    _ number: UInt32, _ length: Int, into buffer: UnsafeMutableRawBufferPointer,
    _ staging: inout Staging
  ) throws(StreamError) -> Int {
    if buffer.count >= min(options.rdmaThreshold, length) {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, length)])
      if let count = try receiveRound(number, into: part) { return count }
      // It cannot be pinned; the session's own memory needs no pin.
    }
    let memory = try staging.memory()
    let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<min(memory.count, length)])
    guard let count = try receiveRound(number, into: part) else {
      throw .provider(.messageMemoryUnavailable(reason: "it cannot be registered"))
    }
    staging.received(count)
    return 0
  }
}
