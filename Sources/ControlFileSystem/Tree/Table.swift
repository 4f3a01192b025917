/// A table in text: a line of column names that begins with `#`, lines of values, and a last line,
/// a comment, that says of which generation they are.
struct Table {
  private(set) var buffer = TextBuffer()
  private let separator: UInt8

  /// Values are separated by blanks, in `.tsv` files by tabs.
  init(_ columns: [String], tabs: Bool = false) {
    separator = tabs ? UInt8(ascii: "\t") : UInt8(ascii: " ")
    buffer.append("# " as StaticString)
    addRow(columns)
  }

  mutating func addRow(_ values: [String]) {
    for (index, value) in values.enumerated() {
      if index > 0 { buffer.append(separator) }
      buffer.append(value.isEmpty ? "-" : value)
    }
    buffer.append(UInt8(ascii: "\n"))
  }

  mutating func finish(generation: UInt64, isConsistent: Bool) -> TextBuffer {
    buffer.append("# generation \(generation) consistent \(Text.yesNo(isConsistent))\n")
    return buffer
  }
}
