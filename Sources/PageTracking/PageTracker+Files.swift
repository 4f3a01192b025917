import CLinuxMemory
import CSyscallInterception
import VirtualMemory

// Hook context: everything in this file.

extension PageTracker {
  /// Which file is mapped in a range, in short; 0 for none, or where no monitor runs.
  func mappedFile(in range: AddressRange) -> UInt32 {
    let maps = words.maps.load()
    if maps == 0 { return 0 }
    return CLinuxMemory_mapped_file(Int32(maps) - 1, UInt64(range.start), UInt64(range.end))
  }

  /// Under the lock, as the other.
  func countFileRegion() {
    if words.fileRegions.add(1) == 0 { CSyscallInterception_watch_files(true) }
  }

  func uncountFileRegion() {
    if words.fileRegions.subtract(1) == 1 { CSyscallInterception_watch_files(false) }
  }

  /// Tells the subscribers of every secured region that will lose pages of a file: those at the
  /// offsets `first ..< end`. A file that has the same inode number on another file system counts
  /// as the same: that costs a miss.
  func willTruncate(inode: UInt64, first: UInt64, end: UInt64, by monitor: MonitorSet) {
    let began = CLinuxMemory_monotonic()
    let mark = CLinuxMemory_file_mark(inode)
    let maps = Int32(words.maps.load()) - 1
    var changes: UInt64 = 0
    forEachSecured { found in
      guard found.file == mark || found.file == CLinuxMemory_several_files,
        CLinuxMemory_maps_file(
          maps, UInt64(found.range.start), UInt64(found.range.end), inode, first, end)
      else { return }
      report(found, kind: MappingChangeKind.truncate.rawValue)
      changes += 1
    }
    if changes == 0 { return }
    words.note(monitor, changes: changes, nanoseconds: CLinuxMemory_monotonic() - began)
  }
}
