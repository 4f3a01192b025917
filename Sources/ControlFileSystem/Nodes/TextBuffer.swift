/// Bytes of text that grow at the end.
package struct TextBuffer: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var isEmpty: Bool { bytes.isEmpty }
  package var count: Int { bytes.count }

  package mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  package mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  package mutating func append(_ byte: UInt8) {
    bytes.append(byte)
  }

  package mutating func appendDecimal(_ value: some BinaryInteger) {
    bytes.append(contentsOf: String(value).utf8)
  }

  /// Hexadecimal with `0x`, filled up with zeros to `digits`.
  package mutating func appendHexadecimal(_ value: UInt64, digits: Int = 16) {
    append("0x" as StaticString)
    appendHexadecimalDigits(value, digits: digits)
  }

  /// The same without `0x`.
  package mutating func appendHexadecimalDigits(_ value: UInt64, digits: Int = 16) {
    for digit in stride(from: digits - 1, through: 0, by: -1) {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * digit)) & 15
      bytes.append(nibble < 10 ? 48 + nibble : 87 + nibble)
    }
  }

  /// `key value` and the end of the line.
  package mutating func appendLine(_ key: StaticString, _ value: String) {
    append(key)
    append(UInt8(ascii: " "))
    append(value)
    append(UInt8(ascii: "\n"))
  }

  package mutating func appendLine(_ key: StaticString, _ value: some BinaryInteger) {
    append(key)
    append(UInt8(ascii: " "))
    appendDecimal(value)
    append(UInt8(ascii: "\n"))
  }
}
