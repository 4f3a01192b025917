import CMappingChanges

/// What a change really did to the registered pages, from the page map and the mappings.
enum CoverageEffect: String, Sendable, CaseIterable {
  /// The frames are those that they were, and may be used as they might.
  case none
  case unmapped
  /// The pages were given up: other frames come with the next use.
  case pagesGone = "pages-gone"
  /// Other frames are there already.
  case framesChanged = "frames-changed"
  /// The frames are the same, but may not be read or written any more.
  case accessLost = "access-lost"

  init(_ found: CoverageObservation) {
    func has(_ bit: Int, in differences: UInt32) -> Bool { differences & UInt32(bit) != 0 }
    if has(CMappingChanges_unmapped, in: found.differencesAtOnce) {
      self = .unmapped
    } else if has(CMappingChanges_denied, in: found.differencesAtOnce) {
      self = .accessLost
    } else if has(CMappingChanges_replaced, in: found.differencesAtOnce) {
      self = .framesChanged
    } else if has(CMappingChanges_replaced, in: found.differencesInUse) || found.isContentLost {
      self = .pagesGone
    } else {
      self = .none
    }
  }

  /// Whether a registration that outlives the change reaches other memory than the program.
  var isHarmful: Bool { self != .none }
}
