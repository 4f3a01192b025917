/// The name, address and network of an adapter.
package struct NICConfiguration: Hashable, Sendable {
  package let name: String
  package let address: IPv4Address
  package let prefixLength: Int

  package init(name: String, address: IPv4Address, prefixLength: Int) {
    self.name = name
    self.address = address
    self.prefixLength = prefixLength
  }

  /// What PINDOWN_NICS is where it is not set.
  package static let defaultText = "mem0=10.77.0.1/24,mem1=10.77.1.1/24"

  /// Whether the address lies in the adapter's network.
  package func contains(_ other: IPv4Address) -> Bool {
    let mask = prefixLength == 0 ? 0 : ~UInt32(0) << UInt32(32 - prefixLength)
    return (other.rawValue ^ address.rawValue) & mask == 0
  }

  /// Parses `name=address/prefix` pairs with commas between.
  ///
  /// - Throws: `invalidConfiguration`, saying what is wrong.
  package static func parse(_ text: String) throws(MemfdNICError) -> [NICConfiguration] {
    var adapters: [NICConfiguration] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let adapter = try parseOne(part)
      if adapters.contains(where: { $0.name == adapter.name }) {
        throw .invalidConfiguration("the adapter name \(adapter.name) is there twice")
      }
      if adapters.contains(where: { $0.address == adapter.address }) {
        throw .invalidConfiguration("the adapter address \(adapter.address) is there twice")
      }
      adapters.append(adapter)
    }
    if adapters.count > Limits.maximumNICs {
      throw .invalidConfiguration(
        "\(adapters.count) adapters are more than the \(Limits.maximumNICs) there can be")
    }
    return adapters
  }

  private static func parseOne(_ text: Substring) throws(MemfdNICError) -> NICConfiguration {
    guard let equals = text.firstIndex(of: "="),
      let slash = text.lastIndex(of: "/"), equals < slash
    else { throw .invalidConfiguration("'\(text)' is not name=address/prefix") }
    let name = text[..<equals]
    guard (1...maximumNameBytes).contains(name.utf8.count), name.utf8.allSatisfy(isNameByte) else {
      throw .invalidConfiguration(
        "'\(name)' is not a name of 1 to \(maximumNameBytes) letters, digits, '-' and '_'")
    }
    let addressText = text[text.index(after: equals)..<slash]
    guard let address = IPv4Address(addressText) else {
      throw .invalidConfiguration("'\(addressText)' is not an IPv4 address")
    }
    let prefixText = text[text.index(after: slash)...]
    guard prefixText.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let prefixLength = Int(prefixText), (0...32).contains(prefixLength)
    else {
      throw .invalidConfiguration("'\(prefixText)' is not a prefix length, 0 to 32")
    }
    return NICConfiguration(name: String(name), address: address, prefixLength: prefixLength)
  }

  /// What the published record has room for.
  private static let maximumNameBytes = 31

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }
}
