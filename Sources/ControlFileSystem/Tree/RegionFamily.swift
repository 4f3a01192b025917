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
      let snapshot = try context.snapshot()
      var best: [String: RegionSnapshot] = [:]
      for region in snapshot.regions
      where region.provider == UInt32(context.subject.providerIndex ?? -1) && fits(region) {
        let file = Text.fileName(region.range)
        if let name, name != file { continue }
        if let other = best[file], rank(other) <= rank(region) { continue }
        best[file] = region
      }
      return best.sorted { $0.key < $1.key }.map { file, region in
        var subject = context.subject
        subject.range = region.range
        subject.regionIndex = region.index
        subject.regionGeneration = region.generation
        return Member(name: file, subject: subject)
      }
    }
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
