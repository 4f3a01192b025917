import CMappingChanges

/// A kind of mapping change by a route.
struct CoverageCell: Hashable, Sendable {
  /// Its number in the table of CMappingChanges.
  let index: Int
  let kind: String
  let route: String

  private init(index: Int) {
    self.index = index
    kind = String(cString: CMappingChanges_kind(index))
    route = String(cString: CMappingChanges_route(index))
  }

  /// Every cell there is, those of a kind side by side.
  static let all = (0..<CMappingChanges_count()).map { CoverageCell(index: $0) }

  /// The kinds in the order of the table.
  static let kinds = unique(all.map(\.kind))

  /// The routes in the order of the columns, and what they are.
  static let routes: [(name: String, summary: String)] = {
    var routes: [(String, String)] = []
    while let name = CMappingChanges_route_name(routes.count),
      let summary = CMappingChanges_route_summary(routes.count)
    {
      routes.append((String(cString: name), String(cString: summary)))
    }
    return routes
  }()

  private static func unique(_ names: [String]) -> [String] {
    names.reduce(into: []) { names, name in
      if names.last != name { names.append(name) }
    }
  }
}
