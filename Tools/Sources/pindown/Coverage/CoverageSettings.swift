/// What is to be measured.
struct CoverageSettings: Sendable {
  var cells: [CoverageCell]
  /// As `PINDOWN_MONITORS` has them.
  var monitors: String
  var peer: CoveragePeer?
  /// How long one cell may take.
  var limit: Duration
}
