/// What is wrong with one file of the catalogue, or with the provider that it names; the others are
/// used nevertheless.
public struct CatalogComplaint: Hashable, Sendable, CustomStringConvertible {
  /// The file, or the variable that names it.
  public let place: String
  /// The line, from 1, where it is about one.
  public let line: Int?
  /// What is wrong, and what to do about it.
  public let text: String

  init(_ place: String, line: Int? = nil, _ text: String) {
    self.place = place
    self.line = line
    self.text = text
  }

  /// One line.
  public var description: String {
    line.map { "\(place):\($0): \(text)" } ?? "\(place): \(text)"
  }
}
