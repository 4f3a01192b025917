import SocketsSwitch
import VirtualMemory

/// A stream over a provider's socket: the protocol of PROTOCOL.md.
///
/// There is no thread behind it: whoever waits for something deals with the messages that come
/// meanwhile, whatever they are about. One thread waits at the adapter, the others for it.
final class Session: Sendable {
  let socket: SwitchSocket
  let options: StreamOptions
  let memory: SessionMemory
  let state: Lock<SessionState>
  let change = ChangeWord()
  /// Held by the one that sends, and by the one that receives.
  let sending = Lock(())
  let receiving = Lock(Staging())
  /// Whether the other end speaks first.
  let isAccepting: Bool

  /// Registers memory and posts receives. The socket is connected, and has not been used yet.
  init(
    _ socket: SwitchSocket, isAccepting: Bool, _ options: StreamOptions
  ) throws(StreamError) {
    self.socket = socket
    self.options = options
    self.isAccepting = isAccepting
    memory = try SessionMemory(for: socket, options)
    state = Lock(SessionState(options))
    try state.withLock { (state) throws(StreamError) in
      for slot in 0..<memory.receiveCount { post(slot, &state) }
      if let failure = state.failure { throw failure }
    }
  }

  deinit {
    socket.close()
  }

  /// Exchanges hellos.
  func greet(until deadline: Deadline) throws(StreamError) {
    if !isAccepting { state.withLock { sayHello(&$0) } }
    let peer = try wait(until: deadline, to: .sending) { state in state.peer }
    if peer == nil { throw .timedOut(byteCount: 0) }
  }

  /// Waits until `condition` answers something, dealing with what comes; nil where the deadline was
  /// first. Throws why it cannot come about any more.
  func wait<Result>(
    until deadline: Deadline, to direction: SessionState.Direction,
    _ condition: (inout SessionState) throws(StreamError) -> Result?
  ) throws(StreamError) -> Result? {
    while true {
      let seen = change.value
      switch try look(until: deadline, to: direction, condition) {
      case .result(let result): return result
      case .late: return nil
      case .follow: change.wait(after: seen, until: deadline)
      case .poll(let transfer):
        // How it ended is seen by whoever takes it.
        _ = try? transfer.wait(until: deadline)
        state.withLock { $0.isPolling = false }
        change.announce()
      }
    }
  }

  private enum Step<Result> {
    case result(Result)
    case late
    case follow
    case poll(Transfer)
  }

  private func look<Result>(
    until deadline: Deadline, to direction: SessionState.Direction,
    _ condition: (inout SessionState) throws(StreamError) -> Result?
  ) throws(StreamError) -> Step<Result> {
    try state.withLock { (state) throws(StreamError) -> Step<Result> in
      takeArrived(&state)
      // Only where the peer has gone, what it sent before is still to be had.
      if let failure = state.failure, failure != .reset { throw failure }
      if let result = try condition(&state) { return .result(result) }
      if let failure = state.failure(direction) { throw failure }
      if deadline.remaining == 0 { return .late }
      guard !state.isPolling, let next = state.posted.first else { return .follow }
      state.isPolling = true
      return .poll(next.transfer)
    }
  }

  /// Deals with every message that has come.
  private func takeArrived(_ state: inout SessionState) {
    var hasNews = false
    while let first = state.posted.first, first.transfer.isComplete, state.failure == nil {
      state.posted.removeFirst()
      hasNews = true
      do throws(SwitchError) {
        let count = try first.transfer.wait(until: Deadline(after: .zero))
        handle(first.slot, count, &state)
      } catch {
        state.failure = StreamError(error)
      }
    }
    if state.posted.isEmpty, state.failure == nil { state.failure = .reset }
    if hasNews { change.announce() }
  }

  /// Posts a receive.
  func post(_ slot: Int, _ state: inout SessionState) {
    if state.failure != nil { return }
    do throws(SwitchError) {
      let transfer = try socket.startReceive(into: memory.receive(slot))
      state.posted.append(SessionState.Posted(slot: slot, transfer: transfer))
    } catch {
      // Where the peer has gone, what has arrived before is still to be taken.
      if StreamError(error) != .reset { state.failure = StreamError(error) }
    }
  }

  /// Ends the session for a reason that leaves no choice.
  func fail(_ error: StreamError, _ state: inout SessionState) {
    if state.failure == nil { state.failure = error }
    socket.close()
    change.announce()
  }

  /// The same, without the lock.
  func fail(_ error: StreamError) {
    state.withLock { fail(error, &$0) }
  }
}
