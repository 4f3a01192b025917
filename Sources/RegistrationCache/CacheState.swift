import VirtualMemory

/// The words of a cache that are not in its published record; in memory set aside beforehand.
struct CacheState: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  /// The cache's lock: around every change of a region's state, of the page table and of the list.
  var lock: HookSafeLock { HookSafeLock(at: base) }
  /// 1 + the first record of the list of unsettled ones: registering, superseded, dying or
  /// quarantined. Under the lock.
  var unsettled: SharedHalfWord { SharedHalfWord(base + 64) }
  /// Where the next eviction looks first. Under the lock.
  var hand: SharedHalfWord { SharedHalfWord(base + 68) }
  /// Raised whenever a record is settled; threads wait for it to change.
  var settled: SharedHalfWord { SharedHalfWord(base + 72) }
  var settledAddress: UnsafeMutableRawPointer { base + 72 }
  /// Threads that wait.
  var waiters: SharedHalfWord { SharedHalfWord(base + 76) }
  /// Raised whenever a record is quarantined, under the lock.
  var quarantines: SharedHalfWord { SharedHalfWord(base + 80) }
  /// 1 until the cache is shut down, in the process that made it; a child finds 0 after a fork. In a
  /// cache line of its own, which is only read.
  var isOpen: SharedHalfWord { SharedHalfWord(base + 128) }
}
