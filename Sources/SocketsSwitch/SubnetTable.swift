/// Which provider serves which addresses (spec section 5.1).
struct SubnetTable {
  private(set) var entries: [(adapter: AdapterAddress, library: ProviderLibrary)] = []

  /// Adds an adapter; an address belongs to one adapter only.
  mutating func add(
    _ address: IPv4Address, prefixLength: UInt8, of library: ProviderLibrary
  ) throws(SwitchError) {
    if entries.contains(where: { $0.adapter.address == address }) { throw .addressTwice(address) }
    let adapter = AdapterAddress(
      address: address, prefixLength: prefixLength, provider: library.path)
    entries.append((adapter, library))
  }

  mutating func remove(_ library: ProviderLibrary) {
    entries.removeAll { $0.library === library }
  }

  /// The adapter that has `address`.
  func adapter(at address: IPv4Address) -> (AdapterAddress, ProviderLibrary)? {
    entries.first { $0.adapter.address == address }
  }

  /// The adapter by which `destination` is reached: the one that has it, else the one with the
  /// longest prefix whose subnet contains it.
  func route(to destination: IPv4Address) -> (AdapterAddress, ProviderLibrary)? {
    if let own = adapter(at: destination) { return own }
    return
      entries
      .filter { entry in
        let length = entry.adapter.prefixLength
        return entry.adapter.address.subnet(prefixLength: length)
          == destination.subnet(prefixLength: length)
      }
      .max { $0.adapter.prefixLength < $1.adapter.prefixLength }
  }
}
