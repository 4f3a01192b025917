/// The answer to a call.
struct Reply {
  var numbers: [Int] = []
  var bytes: [UInt8] = []

  init(_ numbers: [Int] = [], _ bytes: [UInt8] = []) {
    (self.numbers, self.bytes) = (numbers, bytes)
  }

  /// `1 2 3:0aff`.
  init?(line: String) {
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    for word in parts[0].split(separator: " ") {
      guard let number = Int(word) else { return nil }
      numbers.append(number)
    }
    let digits = Array(parts[1].utf8)
    for index in stride(from: 0, to: digits.count - 1, by: 2) {
      let pair = String(decoding: digits[index...index + 1], as: UTF8.self)
      guard let byte = UInt8(pair, radix: 16) else { return nil }
      bytes.append(byte)
    }
  }

  var line: String {
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return numbers.map(String.init).joined(separator: " ") + ":" + digits
  }
}
