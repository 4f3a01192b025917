/// An IPv4 address.
public struct IPv4Address: Hashable, Sendable, CustomStringConvertible {
  /// The address as a number: its first part is the most significant byte.
  public let rawValue: UInt32

  /// The address with this number.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The address that `text` writes as four decimal numbers, or nil where it does not.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard part.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
        let number = UInt8(part)
      else { return nil }
      value = value << 8 | UInt32(number)
    }
    rawValue = value
  }

  /// 0.0.0.0: every adapter of a provider.
  public static var any: IPv4Address { IPv4Address(rawValue: 0) }

  public var description: String {
    let parts = stride(from: UInt32(24), through: 0, by: -8).map { String(rawValue >> $0 & 255) }
    return parts.joined(separator: ".")
  }

  /// The first address of the subnet that has this one.
  package func subnet(prefixLength: UInt8) -> UInt32 {
    prefixLength == 0 ? 0 : rawValue & ~0 << (32 - UInt32(min(prefixLength, 32)))
  }
}
