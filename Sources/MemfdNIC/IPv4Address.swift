/// An IPv4 address.
package struct IPv4Address: Hashable, Sendable, CustomStringConvertible {
  /// In host order: 10.0.0.1 is 0x0A000001.
  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Parses four decimal numbers, 0 to 255, with dots between; nil for anything else.
  package init?(_ text: some StringProtocol) {
    var value: UInt32 = 0
    var count = 0
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      guard let byte = Self.byte(part) else { return nil }
      value = value << 8 | byte
      count += 1
    }
    if count != 4 { return nil }
    rawValue = value
  }

  private static func byte(_ text: some StringProtocol) -> UInt32? {
    let digits = text.utf8
    guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
      digits.count == 1 || digits.first != 0x30
    else { return nil }
    let value = digits.reduce(0) { $0 * 10 + UInt32($1 - 0x30) }
    return value <= 255 ? value : nil
  }

  package var description: String {
    "\(rawValue >> 24).\(rawValue >> 16 & 255).\(rawValue >> 8 & 255).\(rawValue & 255)"
  }
}
