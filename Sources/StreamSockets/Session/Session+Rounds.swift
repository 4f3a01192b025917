import SocketsSwitch
import VirtualMemory

// What both ends of a large transfer do in a round: they are at it, so a step takes no longer than a
// live peer needs, and one that does ends the session.
extension Session {
  /// Waits for the peer's part of the round; where it throws, the session has ended.
  func step<Result>(
    _ condition: (inout SessionState) throws(StreamError) -> Result?
  ) throws(StreamError) -> Result {
    let result: Result?
    do throws(StreamError) {
      // Whichever way the data go, what ends the round is a message.
      result = try wait(until: Deadline(after: options.stallLimit), to: .receiving, condition)
    } catch {
      fail(error)
      throw error
    }
    if let result { return result }
    fail(.stalled)
    throw .stalled
  }

  /// Transfers `count` bytes in as many requests as the provider's limit makes necessary.
  ///
  /// Where it throws, the session has ended, and the adapter has let go of the memory.
  func transfer(
    _ count: Int, _ start: (_ offset: Int, _ length: Int) throws(SwitchError) -> Transfer
  ) throws(StreamError) {
    let limit = min(Int(socket.maximumRDMALength), count)
    do throws(SwitchError) {
      for offset in stride(from: 0, to: count, by: limit) {
        let piece = try start(offset, min(limit, count - offset))
        try piece.wait(until: Deadline(after: options.stallLimit))
      }
    } catch {
      let failure = StreamError(error)
      let reason = failure == .timedOut(byteCount: 0) ? .stalled : failure
      fail(reason)
      throw state.withLock { $0.failure ?? reason }
    }
  }
}
