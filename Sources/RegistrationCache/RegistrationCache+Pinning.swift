import Inspection
import PageTracking
import VirtualMemory

// Between `registering` and settled, as the miss is: nothing here allocates.

extension RegistrationCache {
  /// Takes hold of a region's pages, and writes down what they are: that from which an audit finds
  /// them changed.
  ///
  /// The page frames are looked at before and after; where they differ the pin may be of others than
  /// those that are mapped, and is done again. They also differ where the pin had to bring them in.
  /// Answers false where they never came to rest. `RegionWord` says what this is for.
  func pin(_ region: RegionRecord, _ range: AddressRange) throws(RegistrationCacheError) -> Bool {
    let secured = SecuredRegion(rawValue: region.trackedRegion.loadRelaxed())
    for _ in 0..<RegistrationCacheLimits.pinAttempts {
      let mark = tracker.markFrames(of: secured)
      try takePages(region, range)
      let isPinned = region.pin.loadRelaxed() != 0
      // What was invalidated meanwhile is found out by who called.
      if tracker.recordMapping(of: secured, isPinned: isPinned, since: mark)
        || region.current.state != .registering
      {
        frames?.record(range, in: region)
        return true
      }
      releasePages(region)
    }
    return false
  }

  private func takePages(
    _ region: RegionRecord, _ range: AddressRange
  ) throws(RegistrationCacheError) {
    if let use = SegmentTable.shared.use(of: range) {
      region.segment.storeRelaxed(use.rawValue)
      region.backing.storeRelaxed(Backing.mapped.rawValue)
      return
    }
    guard let pins else { throw .unavailable }
    do {
      region.pin.storeRelaxed(try pins.pin(range).rawValue)
    } catch {
      throw RegistrationCacheError(error)
    }
    region.backing.storeRelaxed(Backing.pinned.rawValue)
    record.pinnedBytes.count(UInt64(range.length))
  }
}
