import CCapability
import CLinuxMemory

/// What this process may do, and what it loses where it may not.
package struct Abilities: Sendable {
  /// CAP_SYS_ADMIN: pagemap shows frame numbers.
  package let seesPageFrames: Bool
  /// CAP_IPC_LOCK: pins are not limited by RLIMIT_MEMLOCK.
  package let pinsWithoutLimit: Bool
  /// Bytes that RLIMIT_MEMLOCK allows; `UInt64.max` for no limit.
  package let lockedBytesLimit: UInt64

  /// Read once, at the first use.
  package static let current = Abilities()

  private init() {
    let set = cap_get_proc()
    defer { if let set { cap_free(UnsafeMutableRawPointer(set)) } }
    func holds(_ capability: Int32) -> Bool {
      var value = CAP_CLEAR
      guard let set, cap_get_flag(set, capability, CAP_EFFECTIVE, &value) == 0 else { return false }
      return value == CAP_SET
    }
    seesPageFrames = holds(CAP_SYS_ADMIN)
    pinsWithoutLimit = holds(CAP_IPC_LOCK)
    lockedBytesLimit = CLinuxMemory_locked_memory_limit()
  }

  /// One line for each thing that is lost: the capability that it needs, and what is lost.
  package var losses: [String] {
    var lines = lossesWithoutPins
    if !pinsWithoutLimit, lockedBytesLimit != .max {
      lines.append(
        "CAP_IPC_LOCK is missing: at most \(lockedBytesLimit) bytes (ulimit -l) can be pinned")
    }
    return lines
  }

  /// The same for a process that cannot pin at all.
  package var lossesWithoutPins: [String] {
    seesPageFrames
      ? [] : ["CAP_SYS_ADMIN is missing: page frames are neither shown nor audited"]
  }
}
