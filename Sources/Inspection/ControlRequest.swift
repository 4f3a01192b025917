package import VirtualMemory

/// What a process can be asked to do from outside.
///
/// On the control socket it is one line of text:
///
///     flush PROVIDER
///     invalidate PROVIDER 0xSTART LENGTH
///     set PROVIDER max_bytes VALUE
///     set PROVIDER max_regions VALUE
///
/// where LENGTH is in bytes and VALUE a number, or `max` for no limit.
package enum ControlRequest: Hashable, Sendable {
  /// Drop every cached region that nobody uses.
  case flush(provider: String)
  /// Invalidate every region that overlaps the range.
  case invalidate(provider: String, range: AddressRange)
  /// `UInt64.max` for no limit.
  case setMaximumBytes(provider: String, UInt64)
  case setMaximumRegions(provider: String, UInt64)

  /// Reads a line; nil where it is not a request.
  package init?(text: String) {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" || $0 == "\t" })
    guard words.count >= 2 else { return nil }
    let provider = String(words[1])
    switch (words[0], words.count) {
    case ("flush", 2): self = .flush(provider: provider)
    case ("invalidate", 4):
      guard words[2].hasPrefix("0x"), let start = UInt(words[2].dropFirst(2), radix: 16),
        let length = UInt(words[3]), let range = AddressRange(start: start, length: length)
      else { return nil }
      self = .invalidate(provider: provider, range: range)
    case ("set", 4):
      guard let value = words[3] == "max" ? UInt64.max : UInt64(words[3]) else { return nil }
      switch words[2] {
      case "max_bytes": self = .setMaximumBytes(provider: provider, value)
      case "max_regions": self = .setMaximumRegions(provider: provider, value)
      default: return nil
      }
    default: return nil
    }
  }

  /// The name of the provider that is asked.
  package var provider: String {
    switch self {
    case .flush(let provider), .invalidate(let provider, _), .setMaximumBytes(let provider, _),
      .setMaximumRegions(let provider, _):
      provider
    }
  }

  /// The line.
  package var text: String {
    switch self {
    case .flush(let provider): "flush \(provider)"
    case .invalidate(let provider, let range):
      "invalidate \(provider) 0x\(String(range.start, radix: 16)) \(range.length)"
    case .setMaximumBytes(let provider, let value):
      "set \(provider) max_bytes \(value == .max ? "max" : "\(value)")"
    case .setMaximumRegions(let provider, let value):
      "set \(provider) max_regions \(value == .max ? "max" : "\(value)")"
    }
  }
}
