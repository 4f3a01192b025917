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

  /// From the differences right after the change, and those after memory was put back and used.
  init(atOnce: UInt32, afterUse: UInt32) {
    let wasReplaced = afterUse & Self.bit(CMappingChanges_replaced) != 0
    if atOnce & Self.bit(CMappingChanges_unmapped) != 0 {
      self = .unmapped
    } else if atOnce & Self.bit(CMappingChanges_denied) != 0 {
      self = .accessLost
    } else if atOnce & Self.bit(CMappingChanges_replaced) != 0 {
      self = .framesChanged
    } else if wasReplaced || afterUse & Self.bit(CMappingChanges_absent) != 0 {
      self = .pagesGone
    } else {
      self = .none
    }
  }

  private static func bit(_ value: Int) -> UInt32 { UInt32(value) }

  /// Whether a registration that outlives the change reaches other memory than the program.
  var isHarmful: Bool { self != .none }
}
