/// What one file of the catalogue says of a provider.
public struct CatalogEntry: Hashable, Sendable {
  /// The provider's name in the catalogue: of two files with the same name the first counts.
  public let name: String
  /// The path of its library; nil where the file only turns the provider off.
  public let library: String?
  /// Whether it is to be loaded.
  public let isEnabled: Bool
  /// The file that says so; nil for the provider that is built in.
  public let file: String?
}
