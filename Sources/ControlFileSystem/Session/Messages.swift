import CFuse
import VirtualMemory

/// What libfuse would print: kept, to be part of an error of ours.
enum Messages {
  private static let lines = Lock<[String]>([])

  static func collect() {
    CFuse_set_log { line in
      guard let line else { return }
      var text = String(cString: line)
      while text.last?.isNewline == true { text.removeLast() }
      Messages.lines.withLock { lines in
        if lines.count < 16 { lines.append(text) }
      }
    }
  }

  static func forget() { lines.withLock { $0 = [] } }

  static var last: String? { lines.withLock { $0.last } }
}
