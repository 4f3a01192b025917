/// The results as rows of kinds and columns of routes.
struct CoverageMatrix {
  let kinds: [String]
  let routes: [String]
  private let cells: [String: CoverageResult]

  init(_ results: [CoverageResult]) {
    kinds = CoverageCell.kinds.filter { kind in results.contains { $0.kind == kind } }
    routes = CoverageCell.routes.map(\.name).filter { route in
      results.contains { $0.route == route }
    }
    cells = Dictionary(results.map { ("\($0.kind)\t\($0.route)", $0) }) { first, _ in first }
  }

  /// Nil where there is no such cell.
  subscript(kind: String, route: String) -> CoverageResult? { cells["\(kind)\t\(route)"] }

  /// What the change did by any route that was possible.
  func effects(of kind: String) -> [CoverageEffect] {
    let found = routes.compactMap { self[kind, $0]?.effect }
    return CoverageEffect.allCases.filter { effect in
      effect != .none && found.contains(effect)
    }
  }
}

extension CoverageResult {
  /// What a cell of the table shows: when, and the first letters of the monitors that reported it.
  var cellText: String {
    let letters = by.compactMap { $0.first }.map(String.init).joined()
    return letters.isEmpty || outcome == .harmless
      ? outcome.cellText : "\(outcome.cellText) \(letters)"
  }
}

extension CoverageOutcome {
  var cellText: String {
    switch self {
    case .before: "before"
    case .during: "during"
    case .after: "after"
    case .atNextUse: "use"
    case .never: "NEVER"
    case .told: "told"
    case .harmless: "."
    case .notPossible: "n/p"
    case .crashed: "CRASH"
    case .hung: "HUNG"
    }
  }

  /// For the legend.
  var explanation: String {
    switch self {
    case .before: "the cache was told while the old mapping was still there"
    case .during: "it was told within the call, with the mapping changed already"
    case .after: "it was told when the call had returned"
    case .atNextUse: "it noticed when the memory was registered or used again"
    case .never: "it was not told, or old content arrived all the same"
    case .told: "it was told of a change that did no harm"
    case .harmless: "no harm: the page frames are the same, and what arrives is right"
    case .notPossible: "not possible here; why, below"
    case .crashed: "the process died"
    case .hung: "the process did not end in time"
    }
  }
}
