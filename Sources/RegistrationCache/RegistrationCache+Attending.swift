import Inspection
import PageTracking
import VirtualMemory

// What a lookup does before it trusts the cache, when the tracker asks for attention: the kernel has
// told of changes that are still being dealt with, or every use is to be audited.

extension RegistrationCache {
  /// As `lookUp`; the usual case costs it one load more.
  @inline(__always)
  func lookUpAttending(
    _ range: AddressRange, access: MemoryAccess, adapter: Int
  ) -> RegionReference? {
    let attends = attention.load() != 0
    if attends { _ = tracker.attend() }
    guard let hit = lookUp(range, access: access, adapter: adapter) else { return nil }
    if !attends || mayUse(hit) { return hit }
    release(hit)
    return nil
  }

  /// Waits until the changes that the kernel has told of are dealt with and, where every use is to
  /// be audited, audits the region of a reference. A region that is not what was pinned is
  /// invalidated when this returns false. Not for hook context.
  func mayUse(_ reference: RegionReference) -> Bool {
    if !tracker.attend() { return true }
    let region = publication.region(Int(reference.slot))
    if tracker.verify(SecuredRegion(rawValue: region.trackedRegion.loadRelaxed())) { return true }
    // Whoever was told has done so already, unless nobody subscribes. What has ended before is left
    // alone: its range may be that of a new region.
    let word = region.current
    if word.state == .live || word.state == .superseded { _ = invalidate(range(of: region)) }
    return false
  }
}
