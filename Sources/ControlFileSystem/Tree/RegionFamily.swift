import Inspection
import VirtualMemory

/// Files and folders that are named by the range of a region.
enum RegionFamily {
  /// The regions of the context's provider that `fits`, one a name: of several for the same range
  /// the one that is most alive.
  static func members(
    _ fits: @escaping @Sendable (RegionSnapshot) -> Bool
  ) -> NodeDeclaration.Enumerate {
    { context, name throws(ControlError) in
      var wanted: AddressRange?
      if let name {
        guard let range = range(named: name) else { return [] }
        wanted = range
      }
      guard let index = context.subject.providerIndex else { throw .gone }
      let provider = UInt32(index)
      var best: [AddressRange: RegionSnapshot] = [:]
      for region in try context.snapshot().regions
      where region.provider == provider && fits(region) {
        if let wanted, wanted != region.range { continue }
        if let other = best[region.range], rank(other) <= rank(region) { continue }
        best[region.range] = region
      }
      let sorted = best.values.sorted {
        ($0.range.start, $0.range.end) < ($1.range.start, $1.range.end)
      }
      return sorted.map { region in
        var subject = context.subject
        subject.range = region.range
        subject.regionIndex = region.index
        subject.regionGeneration = region.generation
        return Member(name: Text.fileName(region.range), subject: subject)
      }
    }
  }

  /// The range that a file name of ours stands for. Looking up a name must not cost the writing of
  /// all the others.
  private static func range(named name: String) -> AddressRange? {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let start = UInt(parts[0], radix: 16),
      let end = UInt(parts[1], radix: 16), start < end
    else { return nil }
    let range = AddressRange(start: start, end: end)
    return Text.fileName(range) == name ? range : nil
  }

  private static func rank(_ region: RegionSnapshot) -> Int {
    switch region.state {
    case .live: 0
    case .superseded: 1
    case .registering: 2
    case .dying: 3
    case .quarantined: 4
    case .dead, .free: 5
    }
  }

  static let registeredAt: NodeDeclaration.Measure = { context throws(ControlError) in
    try context.region().registeredAt
  }

  static let length: NodeDeclaration.Measure = { context throws(ControlError) in
    UInt64(try context.region().range.length)
  }
}
