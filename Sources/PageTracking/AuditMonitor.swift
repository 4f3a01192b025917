import CLinuxMemory
import Glibc
import VirtualMemory

/// The monitor *audit*: what a region was pinned with, compared with what is mapped there now. It
/// finds what nothing announces: a file that somebody else truncates, a hole punched into it, guard
/// regions, protection that was taken away by a raw call.
///
/// It needs CAP_SYS_ADMIN to see page frames; without it only what is mapped (which file, where in
/// it) and how it is protected are compared, and memory that was replaced by memory is not found.
struct AuditMonitor: Monitor {
  var member: MonitorSet { .audit }
  var name: String { "audit" }
  var uncovered: String {
    "truncated files, punched holes, guard regions, and protection that a raw system call takes "
      + "away, are not found"
  }

  func start(for tracker: PageTracker) throws(MonitorUnavailable) -> [String] {
    guard tracker.openMaps() else {
      throw MonitorUnavailable(reason: "/proc/self/maps cannot be opened: errno \(errno)")
    }
    let gaps = try openPagemap(for: tracker)
    tracker.words.takesFingerprints.store(1)
    let period = Self.periodMilliseconds
    if period > 0 { try AuditThread.start(for: tracker, periodMilliseconds: period) }
    return gaps
  }

  func stop(for tracker: PageTracker) {
    tracker.words.takesFingerprints.store(0)
    AuditThread.stop(for: tracker)
  }

  private func openPagemap(for tracker: PageTracker) throws(MonitorUnavailable) -> [String] {
    let words = tracker.words
    if Abilities.current.seesPageFrames, words.pagemap.load() == 0 {
      let descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
      if descriptor >= 0 {
        words.pagemap.store(UInt32(CLinuxMemory_raise_descriptor(descriptor)) + 1)
      }
    }
    var ignored: UInt64 = 0
    let seesMappings =
      CLinuxMemory_fingerprint_mapping(
        Int32(words.maps.load()) - 1, 0, UInt64(Page.size), false, false, &ignored) != -ENOTTY
    switch (words.pagemap.load() != 0, seesMappings) {
    case (true, true): return []
    case (true, false):
      return ["protection that is taken away is not found before Linux 6.11"]
    case (false, true):
      return [
        "page frames are not shown without CAP_SYS_ADMIN: memory that is replaced by other memory, "
          + "truncated or made a guard region is not found"
      ]
    case (false, false):
      throw MonitorUnavailable(
        reason: "page frames are not shown without CAP_SYS_ADMIN, nor mappings before Linux 6.11")
    }
  }

  /// `PINDOWN_AUDIT_MILLISECONDS`; 0 for no timer.
  private static var periodMilliseconds: UInt64 {
    guard let text = getenv("PINDOWN_AUDIT_MILLISECONDS") else {
      return PageTrackingLimits.auditMilliseconds
    }
    return UInt64(String(cString: text)) ?? PageTrackingLimits.auditMilliseconds
  }
}
