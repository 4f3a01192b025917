import SocketsSwitch
import VirtualMemory

extension Session {
  /// Says that no more data come, waits until everything has left, and closes.
  func close(within linger: Duration) {
    let deadline = Deadline(after: linger)
    let sends = state.withLock { state -> [Transfer] in
      if state.failure(.sending) != nil || state.peer == nil { return [] }
      if !state.isFinished, state.offer == nil {
        state.isFinished = true
        postControl(SessionMessage(.finish), &state)
      }
      return state.dataSends.pending + state.controlSends.pending
    }
    for transfer in sends { _ = try? transfer.wait(until: deadline) }
    abort()
  }

  /// Closes at once; the peer is told that the connection was reset.
  func abort() {
    state.withLock { state in
      state.failure = .closed
      fail(.closed, &state)
    }
  }
}
