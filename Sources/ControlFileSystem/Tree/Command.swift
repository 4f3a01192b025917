import Glibc
import Inspection
import VirtualMemory

/// A line that was written to a `ctl` file.
enum Command: Hashable, Sendable {
  case flush
  case invalidate(AddressRange)

  enum Verb: String, CaseIterable, Sendable {
    case flush
    case invalidate

    var usage: String {
      switch self {
      case .flush: "flush                    drop every cached registration that nobody uses"
      case .invalidate:
        "invalidate START LENGTH  invalidate every registration that overlaps the range"
      }
    }
  }

  /// What reading the file gives.
  static func help(_ verbs: [Verb]) -> TextBuffer {
    var text = TextBuffer()
    for verb in verbs { text.append(verb.usage + "\n") }
    return text
  }

  /// Reads every line, or throws EINVAL and none is to be carried out.
  static func parse(_ text: String, allowing verbs: [Verb]) throws(ControlError) -> [Command] {
    var commands: [Command] = []
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      guard let first = words.first else { continue }
      guard let verb = Verb(rawValue: first), verbs.contains(verb) else {
        let known = verbs.map(\.rawValue).joined(separator: ", ")
        throw .invalid("unknown command `\(first)`; there are: \(known)")
      }
      commands.append(try command(verb, Array(words.dropFirst())))
    }
    if commands.isEmpty { throw .invalid("no command") }
    return commands
  }

  private static func command(
    _ verb: Verb, _ arguments: [String]
  ) throws(ControlError) -> Command {
    switch (verb, arguments.count) {
    case (.flush, 0): return .flush
    case (.invalidate, 2):
      guard let start = number(arguments[0]) else {
        throw .invalid("`\(arguments[0])` is no address")
      }
      guard let length = number(arguments[1]), length > 0 else {
        throw .invalid("`\(arguments[1])` is no length")
      }
      guard let range = AddressRange(start: UInt(start), length: UInt(length)) else {
        throw ControlError(ERANGE, "the range goes beyond the last address")
      }
      return .invalidate(range)
    default: throw .invalid("usage: \(verb.usage)")
    }
  }

  /// A limit: a number, with k, m or g, or `max`.
  static func limit(_ text: String) throws(ControlError) -> UInt64 {
    let words = text.split { $0 == " " || $0 == "\t" || $0 == "\n" }
    guard words.count == 1 else { throw .invalid("one value is wanted") }
    if words[0] == "max" { return .max }
    guard let value = number(String(words[0])) else {
      throw .invalid("`\(words[0])` is no number, with or without k, m or g, and not `max`")
    }
    return value
  }

  /// A number: decimal, or hexadecimal after `0x`; decimal ones may end with k, m or g.
  private static func number(_ text: String) -> UInt64? {
    if text.hasPrefix("0x") { return unsigned(text.dropFirst(2), radix: 16) }
    let factors: [Character: UInt64] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
    guard let last = text.last, let factor = factors[last] else {
      return unsigned(text[...], radix: 10)
    }
    guard let value = unsigned(text.dropLast(), radix: 10) else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
  }

  /// Digits only: no sign.
  private static func unsigned(_ text: Substring, radix: Int) -> UInt64? {
    guard let first = text.first, first.isHexDigit else { return nil }
    return UInt64(text, radix: radix)
  }

  func request(to provider: String) -> ControlRequest {
    switch self {
    case .flush: .flush(provider: provider)
    case .invalidate(let range): .invalidate(provider: provider, range: range)
    }
  }

  /// Asks the process, and throws what it answers if that is not `ok`.
  static func send(_ request: ControlRequest, to process: PublishedProcess) throws(ControlError) {
    switch process.send(request) {
    case .ok: return
    case .failed(let number, let reason): throw ControlError(number, reason)
    }
  }
}
