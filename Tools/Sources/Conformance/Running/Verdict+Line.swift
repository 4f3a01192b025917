// How a verdict goes from the process that puts an assertion to the one that waits.
extension Verdict {
  /// The same as a line of text.
  var line: String {
    switch self {
    case .passed: "\t\tpassed"
    case .failed(let expected, let actual): "\t\tfailed\t\(expected)\t\(actual)"
    case .notApplicable(let reason): "\t\tnotApplicable\t\(reason)"
    }
  }

  /// Nil where the line is none.
  init?(line: String) {
    let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard words.count >= 3, words[0].isEmpty, words[1].isEmpty else { return nil }
    switch (words[2], words.count) {
    case ("passed", 3): self = .passed
    case ("failed", 5): self = .failed(expected: words[3], actual: words[4])
    case ("notApplicable", 4): self = .notApplicable(reason: words[3])
    default: return nil
    }
  }
}
