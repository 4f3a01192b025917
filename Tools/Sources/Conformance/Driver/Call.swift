/// A verb and what belongs to it, as it goes to another process: numbers, then bytes.
struct Call {
  let verb: Verb
  var numbers: [Int] = []
  var bytes: [UInt8] = []

  init(_ verb: Verb, _ numbers: [Int], _ bytes: [UInt8]) {
    (self.verb, self.numbers, self.bytes) = (verb, numbers, bytes)
  }

  init?(line: String) {
    let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = words.first, let verb = Verb(rawValue: String(first)),
      let reply = Reply(line: words.count > 1 ? String(words[1]) : ":")
    else { return nil }
    self.init(verb, reply.numbers, reply.bytes)
  }

  var line: String { "\(verb.rawValue) \(Reply(numbers, bytes).line)" }
}
