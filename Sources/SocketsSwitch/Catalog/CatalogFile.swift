/// The text of one file of the catalogue.
///
///     # The provider of the Example adapters
///     name = example
///     library = ../../../lib/pindown/libexample.so
///     enabled = yes
///
/// A line is empty, a comment that begins with `#`, or `key = value`. `name` is 1 to 31 letters,
/// digits, `-` and `_`. `library` is a path, from the folder of the file where it does not begin
/// with `/`. `enabled` is `yes` or `no`, and `yes` where it is left out; with `no` a library need
/// not be named.
enum CatalogFile {
  private struct Fault: Error {
    let line: Int?
    let text: String
  }

  /// What the file at `path` with this content says, or what is wrong with it.
  static func parse(_ bytes: [UInt8], path: String) -> Result<CatalogEntry, CatalogFault> {
    do throws(Fault) {
      return .success(try entry(of: try values(in: bytes), path: path))
    } catch {
      return .failure(CatalogFault(CatalogComplaint(path, line: error.line, error.text)))
    }
  }

  private static let keys: Set<String> = ["name", "library", "enabled"]

  private static func values(
    in bytes: [UInt8]
  ) throws(Fault) -> [String: (text: String, line: Int)] {
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw Fault(line: nil, text: "this is no text; write `key = value` lines in UTF-8")
    }
    var values: [String: (text: String, line: Int)] = [:]
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    for (index, line) in lines.enumerated() {
      let content = trimmed(line)
      if content.isEmpty || content.hasPrefix("#") { continue }
      guard let equals = content.firstIndex(of: "=") else {
        throw Fault(line: index + 1, text: "this is not `key = value`; comments begin with #")
      }
      let key = trimmed(content[..<equals])
      guard keys.contains(key) else {
        throw Fault(
          line: index + 1, text: "there is no key `\(key)`; there are name, library and enabled")
      }
      if let first = values[key] {
        throw Fault(
          line: index + 1, text: "`\(key)` is there already, in line \(first.line); remove one")
      }
      values[key] = (trimmed(content[content.index(after: equals)...]), index + 1)
    }
    return values
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let content = text.drop(while: \.isWhitespace)
    guard let last = content.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(content[...last])
  }

  private static func entry(
    of values: [String: (text: String, line: Int)], path: String
  ) throws(Fault) -> CatalogEntry {
    guard let name = values["name"] else {
      throw Fault(line: nil, text: "there is no `name`; add a line `name = ...`")
    }
    guard (1...31).contains(name.text.utf8.count), name.text.utf8.allSatisfy(isNameByte) else {
      throw Fault(
        line: name.line, text: "`\(name.text)` is not 1 to 31 letters, digits, `-` and `_`")
    }
    let isEnabled = try isEnabled(values["enabled"])
    guard let library = values["library"] else {
      if isEnabled {
        throw Fault(line: nil, text: "there is no `library`; add a line `library = path`")
      }
      return CatalogEntry(name: name.text, library: nil, isEnabled: false, file: path)
    }
    if library.text.isEmpty { throw Fault(line: library.line, text: "`library` needs a path") }
    let resolved = resolve(library.text, beside: path)
    return CatalogEntry(name: name.text, library: resolved, isEnabled: isEnabled, file: path)
  }

  private static func isEnabled(_ value: (text: String, line: Int)?) throws(Fault) -> Bool {
    switch value?.text {
    case nil, "yes": return true
    case "no": return false
    default: throw Fault(line: value?.line, text: "`enabled` is `yes` or `no`")
    }
  }

  /// Always with a slash: the loader would search its own folders for a bare name.
  private static func resolve(_ library: String, beside path: String) -> String {
    if library.hasPrefix("/") { return library }
    guard let slash = path.lastIndex(of: "/") else { return "./\(library)" }
    return "\(path[...slash])\(library)"
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }
}

/// A complaint as the failure of a parse.
struct CatalogFault: Error {
  let complaint: CatalogComplaint
  init(_ complaint: CatalogComplaint) { self.complaint = complaint }
}
