/// Numbers and bytes in hexadecimal.
enum Hexadecimal {
  static func text(_ address: UInt) -> String { "0x" + String(address, radix: 16) }

  static func text(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func bytes(_ text: String) throws -> [UInt8] {
    let digits = Array(text.utf8)
    return try stride(from: 0, to: digits.count, by: 2).map { index in
      let pair = String(decoding: digits[index..<min(index + 2, digits.count)], as: UTF8.self)
      guard pair.utf8.count == 2, let byte = UInt8(pair, radix: 16) else {
        throw ToolError("\(text) is not hexadecimal")
      }
      return byte
    }
  }
}
