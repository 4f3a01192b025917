import Inspection

extension ProcessSnapshot {
  /// The file name of a provider; nil for an index that no provider has.
  func providerName(_ index: UInt32) -> String? {
    guard let provider = providers.first(where: { $0.index == Int(index) }) else { return nil }
    let name = Text.safeName(provider.name, otherwise: "provider-\(provider.index)")
    // Two of one name: the index tells them apart.
    let isFirst = providers.first { $0.name == provider.name }?.index == provider.index
    return isFirst ? name : "\(name)-\(provider.index)"
  }

  /// The file name of an adapter; nil for an index that no adapter has.
  func nicName(_ index: UInt32) -> String? {
    nics.first { $0.index == Int(index) }.map {
      Text.safeName($0.name, otherwise: "nic-\($0.index)")
    }
  }

  func nicNames(of region: RegionSnapshot) -> [String] {
    region.nics.map { nicName(UInt32($0)) ?? "nic-\($0)" }
  }

  /// The uses of a region by sockets.
  func registrations(of region: RegionSnapshot) -> [RegistrationSnapshot] {
    registrations.filter {
      $0.region == UInt32(region.index) && $0.regionGeneration == region.generation
    }
  }
}
