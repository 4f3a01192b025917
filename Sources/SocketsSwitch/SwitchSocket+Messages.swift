import VirtualMemory

// Short messages, through memory that the switch registers for the connection at the first one.
extension SwitchSocket {
  /// Sends a message of at most 4096 bytes.
  public func sendMessage(
    _ bytes: [UInt8], within timeout: Duration = .seconds(30)
  ) throws(SwitchError) {
    try messageBuffers().send(bytes, on: self, within: timeout)
  }

  /// Receives the next message; it must have been sent as one of at most 4096 bytes.
  ///
  /// Throws `.timedOut` where none came; the next call receives it then. A socket receives either
  /// by this or by `receive(into:within:)`, not by both.
  public func receiveMessage(
    within timeout: Duration = .seconds(30)
  ) throws(SwitchError) -> [UInt8] {
    try messageBuffers().receive(on: self, within: timeout)
  }

  private func messageBuffers() throws(SwitchError) -> MessageBuffers {
    try messages.withLock { (messages) throws(SwitchError) in
      if let messages { return messages }
      let made = try MessageBuffers(for: self)
      messages = made
      return made
    }
  }
}
