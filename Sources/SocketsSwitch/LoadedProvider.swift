/// A provider in the switch: its library, and what was set up for it.
struct LoadedProvider {
  let library: ProviderLibrary
  /// The slot of the fan-out, where the provider has a cache callback.
  let slot: Int?
  let recordIndex: UInt32
  /// Whether the switch made the record.
  let ownsRecord: Bool
}
