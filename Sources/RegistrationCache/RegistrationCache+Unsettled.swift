import CLinuxMemory
import Inspection
import VirtualMemory

// Hook context: everything in this file.

/// The list of records that are neither free nor live: registering, superseded, dying or
/// quarantined. It is short, and it is changed and walked under the cache's lock.
extension RegistrationCache {
  func pushUnsettled(_ slot: UInt32) {
    publication.region(Int(slot)).next.storeRelaxed(state.unsettled.loadRelaxed())
    state.unsettled.storeRelaxed(slot + 1)
  }

  func removeUnsettled(_ slot: UInt32) {
    var link = state.unsettled
    while link.loadRelaxed() != slot + 1 {
      let next = link.loadRelaxed()
      precondition(next != 0, "a record is not in the list of unsettled ones")
      link = publication.region(Int(next - 1)).next
    }
    link.storeRelaxed(publication.region(Int(slot)).next.loadRelaxed())
  }

  /// The first record of the list that overlaps `range` and that `isWanted`.
  @inline(__always)
  func firstUnsettled(in range: AddressRange, where isWanted: (RegionRecord) -> Bool) -> UInt32? {
    var next = state.unsettled.loadRelaxed()
    while next != 0 {
      let region = publication.region(Int(next - 1))
      if self.range(of: region).overlaps(range), isWanted(region) { return next - 1 }
      next = region.next.loadRelaxed()
    }
    return nil
  }

  /// Waits until a record was settled after `seen` was read, or until the deadline
  /// (CLOCK_MONOTONIC, nanoseconds).
  func waitForSettled(since seen: UInt32, deadline: UInt64) {
    state.waiters.add(1)
    while state.settled.load() == seen {
      let now = CLinuxMemory_monotonic()
      if now >= deadline { break }
      let rest = min(deadline - now, 1_000_000_000)
      _ = CLinuxMemory_futex_wait(state.settledAddress, seen, Int64(rest))
    }
    state.waiters.subtract(1)
  }

  /// Says that a record was settled.
  func wakeWaiters() {
    state.settled.add(1)
    if state.waiters.load() != 0 {
      CLinuxMemory_futex_wake(state.settledAddress, Int32.max)
    }
  }
}
