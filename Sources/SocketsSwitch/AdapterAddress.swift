/// An adapter's address, and which provider has it.
public struct AdapterAddress: Hashable, Sendable {
  public let address: IPv4Address
  /// Bits of the address that name the subnet which the adapter serves.
  public let prefixLength: UInt8
  /// The path of the provider's library.
  public let provider: String
}
