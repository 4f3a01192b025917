/// Which assertions are to be put: `C40-C59,C70`.
package struct Selection: Sendable, Equatable {
  /// In the order of the specification.
  package let ids: [String]

  package static var all: Selection { Selection(ids: Catalog.assertions.map(\.id)) }

  private init(ids: [String]) {
    self.ids = ids
  }

  /// Parses names and ranges of names with commas between; nil where it is none, or none of them
  /// exists.
  package init?(_ text: String) {
    let known = Catalog.assertions.map(\.id)
    var chosen: Set<String> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
      guard let first = ends.first, let first, let last = ends.last, let last, ends.count <= 2,
        first <= last
      else { return nil }
      for number in first...last { chosen.insert(Assertion.name(number)) }
    }
    ids = known.filter(chosen.contains)
    if ids.count != chosen.count { return nil }
  }

  private static func number(_ text: Substring) -> Int? {
    guard let letter = text.first, letter == "C" || letter == "c", text.count <= 3,
      text.dropFirst().allSatisfy({ ("0"..."9").contains($0) })
    else { return nil }
    return Int(text.dropFirst())
  }
}
