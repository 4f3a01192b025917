import CLinuxMemory
import Glibc
public import VirtualMemory

// Hook context: everything in this file.

extension PageTracker {
  /// What an audit says of a region.
  enum Verdict {
    case intact
    case changed
    /// It has no fingerprint: the audit did not run when it was pinned.
    case unknown
  }

  /// The page frames of a secured region before its owner pins it, for `recordMapping`. Unknown where
  /// the audit does not run or does not see frames.
  package func markFrames(of region: SecuredRegion) -> FrameMark {
    let pagemap = words.pagemap.load()
    if words.takesFingerprints.load() == 0 || pagemap == 0 { return .unknown }
    guard let found = lock.withLock({ index.found(region) }) else { return .unknown }
    var frames: UInt64 = 0
    var isPresent = false
    let error = CLinuxMemory_fingerprint_frames(
      Int32(pagemap) - 1, UInt64(found.range.start), UInt64(found.range.end), &frames, &isPresent)
    if error != 0 { return .unknown }
    return isPresent ? .frames(frames) : .absent
  }

  /// Writes down what is mapped in a region now: the state from which an audit finds it changed.
  /// Called by the region's owner once its pages are pinned, and before anybody uses it; does
  /// nothing where the audit does not run.
  ///
  /// `isPinned` says that the pages cannot be exchanged without somebody's doing; where it is false
  /// page frames are not compared. `mark` is what the frames were before they were pinned.
  ///
  /// Returns whether the region is still secured, mapped as it must be and, where there is a mark,
  /// has the frames of that. Where not, its pages may not be those that were pinned: a change was on
  /// its way into the kernel when the region was secured, and nothing announces it any more.
  @discardableResult
  public func recordMapping(
    of region: SecuredRegion, isPinned: Bool, since mark: FrameMark = .unknown
  ) -> Bool {
    if words.takesFingerprints.load() == 0 { return true }
    guard let found = lock.withLock({ index.found(region) }) else { return false }
    var taken = Fingerprint()
    if !fingerprint(found, &taken) { return false }
    if isPinned, !mark.allows(taken.frames) { return false }
    if !isPinned { taken.frames = 0 }
    return lock.withLock { index.setFingerprint(taken, of: region) }
  }

  /// Compares every secured region that overlaps the range with what it was pinned with, and
  /// reports those that differ as a change of kind `audit`. Returns how many.
  ///
  /// Does nothing where the audit does not run.
  @discardableResult
  public func audit(_ range: AddressRange) -> Int {
    let began = CLinuxMemory_monotonic()
    let changes = audit(range) { true }
    words.note(.audit, changes: UInt64(changes), nanoseconds: CLinuxMemory_monotonic() - began)
    return changes
  }

  /// Audits one region, where every use is to be audited. Returns whether it may be used: it is
  /// still secured, and nothing has changed. A change is reported before this returns.
  public func verify(_ region: SecuredRegion) -> Bool {
    guard let found = lock.withLock({ index.found(region) }) else { return false }
    if compare(found) != .changed { return true }
    let began = CLinuxMemory_monotonic()
    report(found, kind: MappingChangeKind.audit.rawValue)
    words.note(.audit, changes: 1, nanoseconds: CLinuxMemory_monotonic() - began)
    return false
  }

  func auditAll(inRound round: UInt32) -> Int {
    audit(.everything) { words.auditRound.load() == round }
  }

  private func audit(_ range: AddressRange, while goesOn: () -> Bool) -> Int {
    var changes = 0
    var previous = RegionIndex.Position.beforeAll
    while goesOn() {
      let found = lock.withLock { index.firstOverlap(range, after: previous, remaining: []) }
      guard let found else { break }
      previous = found.position
      if compare(found) != .changed { continue }
      // Its owner may have given it up meanwhile, and then unmapped it.
      if !lock.withLock({ index.found(found.region) != nil }) { continue }
      report(found, kind: MappingChangeKind.audit.rawValue)
      changes += 1
    }
    return changes
  }

  /// Compares a region with its fingerprint.
  func compare(_ found: RegionIndex.Found) -> Verdict {
    if found.fingerprint.mapping == 0 && found.fingerprint.frames == 0 { return .unknown }
    // The kernel takes a page out of the page table for a moment when it tries to migrate it, also
    // where the pin makes it fail.
    for _ in 0..<PageTrackingLimits.auditAttempts {
      var now = Fingerprint()
      if !fingerprint(found, &now) { return .changed }
      if found.fingerprint.frames == 0 { now.frames = 0 }
      if now == found.fingerprint { return .intact }
      sched_yield()
    }
    return .changed
  }

  /// The fingerprint of what is mapped in a region now; false where a part of it is not mapped, or
  /// lacks an access that the region needs.
  private func fingerprint(_ found: RegionIndex.Found, _ result: inout Fingerprint) -> Bool {
    let start = UInt64(found.range.start)
    let end = UInt64(found.range.end)
    let maps = Int32(words.maps.load()) - 1
    var mapping: UInt64 = 0
    let error = CLinuxMemory_fingerprint_mapping(
      maps, start, end, found.access.contains(.read), found.access.contains(.write),
      &mapping)
    if error == -ENOENT || error == -EACCES { return false }
    if error == 0 { result.mapping = UInt32(truncatingIfNeeded: mapping) | 1 }
    let pagemap = words.pagemap.load()
    if pagemap == 0 { return true }
    var isPresent = false
    if CLinuxMemory_fingerprint_frames(
      Int32(pagemap) - 1, start, end, &result.frames, &isPresent) != 0
    {
      result.frames = 0
    }
    return true
  }
}

/// Stands for what is mapped in a region: the mappings, and the page frames. 0: not known.
struct Fingerprint: Equatable {
  var frames: UInt64 = 0
  var mapping: UInt32 = 0
}

extension AddressRange {
  static var everything: AddressRange { AddressRange(start: 0, end: .max) }
}
