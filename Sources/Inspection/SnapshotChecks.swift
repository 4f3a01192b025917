/// What a snapshot is checked against.
package enum SnapshotChecks: Sendable {
  /// The counters of updates, and each record's own word.
  case all
  /// Nothing: the copy may be torn. Only for the test that shows what the checks are for.
  case none
}
