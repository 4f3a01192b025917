import Pindown

/// Questions and answers between the two processes of the stress tool: words, as one message each
/// way.
struct StressLink {
  let socket: SwitchSocket

  func send(_ words: [String]) throws {
    try socket.sendMessage(Array(words.joined(separator: " ").utf8))
  }

  func receive(within timeout: Duration) throws -> [String] {
    let text = String(decoding: try socket.receiveMessage(within: timeout), as: UTF8.self)
    return text.split(separator: " ").map(String.init)
  }

  /// Asks, and waits for an answer that begins with `ok`.
  @discardableResult
  func ask(_ words: String...) throws -> [String] {
    try send(words)
    let answer = try receive(within: .seconds(30))
    guard answer.first == "ok" else {
      throw ToolError("the other process: \(answer.dropFirst().joined(separator: " "))")
    }
    return Array(answer.dropFirst())
  }
}
