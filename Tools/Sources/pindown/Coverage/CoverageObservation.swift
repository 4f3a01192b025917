import CMappingChanges

/// What was seen of a change and of what followed.
struct CoverageObservation {
  /// How the registered pages differed when the change was over, and when memory had been put back
  /// and written: bits of CMappingChanges.
  var differencesAtOnce: UInt32
  var differencesInUse: UInt32
  /// Whether the old content was gone before new content was written.
  var isContentLost: Bool
  /// The monitors that had reported when the change was over, and those that had in the end.
  var reporters: [String]
  var lateReporters: [String] = []
  var use = CoverageUse.none

  /// Whether the program may not reach all of the memory any more.
  var isDenied: Bool { differencesInUse & UInt32(CMappingChanges_denied) != 0 }

  /// The first report of each region.
  static var reports: [CMappingChanges_report] {
    (0..<CMappingChanges_region_count()).map { CMappingChanges_report_of($0) }
  }
}
