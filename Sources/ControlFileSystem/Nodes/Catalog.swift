/// The declarations of a tree with their places in it.
final class Catalog: Sendable {
  struct Entry: Sendable {
    var declaration: NodeDeclaration
    /// The path from the root with families in angle brackets; the root is `/`.
    var pattern: String
    /// Components of the path.
    var depth: Int
    var children: [Int]
    /// The entry itself, or the nearest folder above, that is a family: what exists or not.
    var family: Int?
  }

  let entries: [Entry]

  init(root: NodeDeclaration) {
    var entries: [Entry] = []
    Self.add(root, pattern: "", depth: 0, family: nil, to: &entries)
    self.entries = entries
  }

  @discardableResult
  private static func add(
    _ declaration: NodeDeclaration, pattern: String, depth: Int, family: Int?,
    to entries: inout [Entry]
  ) -> Int {
    precondition(
      declaration.children.isEmpty || declaration.kind == .directory,
      "only a folder has children")
    let index = entries.count
    let family = declaration.isFamily ? index : family
    entries.append(
      Entry(
        declaration: declaration, pattern: pattern.isEmpty ? "/" : pattern, depth: depth,
        children: [], family: family))
    entries[index].children = declaration.children.map {
      add($0, pattern: "\(pattern)/\($0.name)", depth: depth + 1, family: family, to: &entries)
    }
    return index
  }
}
