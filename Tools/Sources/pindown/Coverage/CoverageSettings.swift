/// What is to be measured.
struct CoverageSettings: Sendable {
  var cells: [CoverageCell]
  /// As `PINDOWN_MONITORS` has them.
  var monitors: String
  /// What cannot run here, of those: a line for each.
  var unavailable: [String] = []
  var peer: CoveragePeer?
  /// How long one cell may take.
  var limit: Duration
  /// What performs one cell.
  var program = Spawn.ownProgram
}
