import Glibc

/// What a process answers to a control request: the line `ok`, or `error ERRNONAME reason`.
package enum ControlReply: Hashable, Sendable {
  case ok
  case failed(errno: Int32, reason: String)

  package var text: String {
    switch self {
    case .ok: "ok"
    case .failed(let number, let reason): "error \(ErrorName.name(of: number)) \(reason)"
    }
  }

  /// Reads a line; one that is no answer is an EIO.
  package init(text: String) {
    let line = text.prefix { $0 != "\n" }
    let words = line.split(separator: " ", maxSplits: 2)
    if words.first == "ok" {
      self = .ok
    } else if words.first == "error", words.count >= 2,
      let number = ErrorName.number(of: String(words[1])) ?? Int32(words[1]), number > 0
    {
      self = .failed(errno: number, reason: words.count > 2 ? String(words[2]) : "")
    } else {
      self = .failed(errno: EIO, reason: "the process gave an answer that is none")
    }
  }
}
