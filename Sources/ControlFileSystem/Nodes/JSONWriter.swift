/// Writes one JSON value, member by member.
///
/// Public, so that the tools write JSON as the control file system does.
public struct JSONWriter {
  private(set) var buffer = TextBuffer()
  private var needsComma = false

  public init() {}

  /// An object; with a key where it is a member of another.
  public mutating func object(_ key: StaticString? = nil, _ body: (inout JSONWriter) -> Void) {
    nest(key, UInt8(ascii: "{"), UInt8(ascii: "}"), body)
  }

  /// An array; with a key where it is a member of an object.
  public mutating func array(_ key: StaticString? = nil, _ body: (inout JSONWriter) -> Void) {
    nest(key, UInt8(ascii: "["), UInt8(ascii: "]"), body)
  }

  /// A string, or null.
  public mutating func member(_ key: StaticString, _ value: String?) {
    begin(key)
    if let value { string(value) } else { buffer.append("null" as StaticString) }
  }

  /// A number.
  public mutating func member(_ key: StaticString, _ value: some BinaryInteger) {
    begin(key)
    buffer.appendDecimal(value)
  }

  /// true or false.
  public mutating func member(_ key: StaticString, _ value: Bool) {
    begin(key)
    buffer.append((value ? "true" : "false") as StaticString)
  }

  /// A number, or null for no limit.
  mutating func limit(_ key: StaticString, _ value: UInt64) {
    begin(key)
    if value == .max {
      buffer.append("null" as StaticString)
    } else {
      buffer.appendDecimal(value)
    }
  }

  /// An array of strings.
  public mutating func strings(_ key: StaticString, _ values: [String]) {
    array(key) { writer in
      for value in values {
        writer.begin(nil)
        writer.string(value)
      }
    }
  }

  /// The text as UTF-8, ended with a line feed.
  public mutating func finishedBytes() -> [UInt8] {
    finish().bytes
  }

  /// Ends the text with a line feed.
  mutating func finish() -> TextBuffer {
    buffer.append(UInt8(ascii: "\n"))
    return buffer
  }

  private mutating func nest(
    _ key: StaticString?, _ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void
  ) {
    begin(key)
    buffer.append(open)
    needsComma = false
    body(&self)
    buffer.append(close)
    needsComma = true
  }

  private mutating func begin(_ key: StaticString?) {
    if needsComma { buffer.append(UInt8(ascii: ",")) }
    needsComma = true
    if let key {
      buffer.append(UInt8(ascii: "\""))
      buffer.append(key)
      buffer.append("\":" as StaticString)
    }
  }

  private mutating func string(_ value: String) {
    buffer.append(UInt8(ascii: "\""))
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        buffer.append(UInt8(ascii: "\\"))
        buffer.append(byte)
      case 0..<32:
        buffer.append("\\u" as StaticString)
        buffer.appendHexadecimalDigits(UInt64(byte), digits: 4)
      default: buffer.append(byte)
      }
    }
    buffer.append(UInt8(ascii: "\""))
  }
}
