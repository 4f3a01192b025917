/// One counted use of a region in a registration cache. A plain word, so that it can be stored in
/// published records; released exactly once.
public struct RegionReference: Hashable, Sendable {
  /// Which record of the published table.
  public let slot: UInt32
  public let generation: UInt32

  package init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }
}
