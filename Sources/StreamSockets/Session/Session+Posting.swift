import SocketsSwitch
import VirtualMemory

// Messages, put together and sent. The lock is held.
extension Session {
  func sayHello(_ state: inout SessionState) {
    var message = SessionMessage(.hello)
    message.length = memory.messageBytes
    message.credits = options.receiveCount
    postControl(message, &state)
  }

  /// Sends a message that needs no credit, with the credits that are owed.
  func postControl(
    _ message: SessionMessage, descriptor: RDMADescriptor? = nil, _ state: inout SessionState
  ) {
    if let blocker = state.controlSends.blocker {
      // Fewer are on their way than there are buffers, so this send has arrived already.
      _ = try? blocker.wait(until: Deadline(after: Limits.step))
      if !blocker.isComplete { return fail(.stalled, &state) }
    }
    var message = message
    if message.kind != .hello { message.credits = state.takeOwed() }
    message.descriptorBytes = descriptor?.bytes.count ?? 0
    let buffer = memory.controlSend(state.controlSends.index)
    message.write(to: buffer)
    if let descriptor {
      UnsafeMutableRawBufferPointer(rebasing: buffer[SessionMessage.headerBytes...])
        .copyBytes(from: descriptor.bytes)
    }
    guard let transfer = start(buffer, message.byteCount, &state) else { return }
    state.controlSends.started(transfer)
  }

  /// Sends a message that uses a credit, and has up to as many of the bytes as fit; returns how
  /// many. The next buffer must be free.
  func postData(
    _ message: SessionMessage, _ bytes: UnsafeRawBufferPointer, _ state: inout SessionState
  ) -> Int {
    let room = min(memory.messageBytes, state.peer?.messageBytes ?? 0) - SessionMessage.headerBytes
    let count = min(bytes.count, room)
    var message = message
    message.credits = state.takeOwed()
    message.payloadBytes = count
    let buffer = memory.dataSend(state.dataSends.index)
    message.write(to: buffer)
    UnsafeMutableRawBufferPointer(rebasing: buffer[SessionMessage.headerBytes...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    state.credits -= 1
    if let transfer = start(buffer, message.byteCount, &state) {
      state.dataSends.started(transfer)
    }
    return count
  }

  private func start(
    _ buffer: UnsafeMutableRawBufferPointer, _ count: Int, _ state: inout SessionState
  ) -> Transfer? {
    do throws(SwitchError) {
      return try socket.startSend(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    } catch {
      // What the peer sent before it went can still be received.
      if state.sendFailure == nil { state.sendFailure = StreamError(error) }
      return nil
    }
  }

  /// Gives credits back, where half of them are owed.
  func returnCredits(_ state: inout SessionState) {
    let due = max(1, options.receiveCount / 2)
    if state.owed >= due { postControl(SessionMessage(.credit), &state) }
  }
}
