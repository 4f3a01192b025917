import CLinuxMemory
import Glibc

/// The memfd segments of this process.
///
/// Entries are never freed, only used again: hook context may release a use. The word of an entry
/// is 0 while it is free; else bit 31 says that the application still has the segment, bit 30 that
/// it is being taken down, and the rest counts its uses.
package final class SegmentTable: @unchecked Sendable {
  package static let shared = SegmentTable()

  private struct Entry {
    var range = AddressRange(start: 0, end: 0)
    var alias: UInt = 0
    var descriptor: Int32 = -1
    var inode: UInt64 = 0
  }

  private let entries: UnsafeMutablePointer<Entry>
  private let words: UnsafeMutablePointer<UInt32>
  private let making = Lock(())

  private static var owned: UInt32 { 1 << 31 }
  private static var closing: UInt32 { 1 << 30 }
  private static var capacity: Int { VirtualMemoryLimits.maximumSegments }

  private init() {
    entries = .allocate(capacity: Self.capacity)
    entries.initialize(repeating: Entry(), count: Self.capacity)
    words = .allocate(capacity: Self.capacity)
    words.initialize(repeating: 0, count: Self.capacity)
  }

  private func word(_ index: Int) -> SharedHalfWord { SharedHalfWord(words + index) }

  func make(byteCount: UInt) throws(VirtualMemoryError) -> (Int, AddressRange) {
    try making.withLock { (_) throws(VirtualMemoryError) in
      guard let index = (0..<Self.capacity).first(where: { word($0).loadAcquiring() == 0 }) else {
        throw .exhausted
      }
      entries[index] = try Self.map(Int(byteCount))
      word(index).storeReleasing(Self.owned)
      return (index, entries[index].range)
    }
  }

  private static func map(_ length: Int) throws(VirtualMemoryError) -> Entry {
    let descriptor = CLinuxMemory_memfd("pindown-segment", length)
    if descriptor < 0 { throw descriptor == -ENOMEM ? .exhausted : .system(errno: -descriptor) }
    var status = stat()
    let flags = PROT_READ | PROT_WRITE
    let base = mmap(nil, length, flags, MAP_SHARED, descriptor, 0)
    let alias = mmap(nil, length, flags, MAP_SHARED, descriptor, 0)
    let seals = CLinuxMemory_seal_shrink | CLinuxMemory_seal_grow
    guard base != MAP_FAILED, alias != MAP_FAILED, fstat(descriptor, &status) == 0,
      CLinuxMemory_add_seals(descriptor, seals) == 0
    else {
      if base != MAP_FAILED { munmap(base, length) }
      if alias != MAP_FAILED { munmap(alias, length) }
      close(descriptor)
      throw .exhausted
    }
    // A child that wrote into the adapters' memory would write into ours.
    madvise(alias, length, MADV_DONTFORK)
    madvise(base, length, MADV_DONTFORK)
    let start = UInt(bitPattern: base)
    return Entry(
      range: AddressRange(start: start, end: start + UInt(length)), alias: UInt(bitPattern: alias),
      descriptor: descriptor, inode: UInt64(status.st_ino))
  }

  /// The application has done with the segment.
  func retire(_ index: Int) {
    let range = entries[index].range
    munmap(UnsafeMutableRawPointer(bitPattern: range.start), Int(range.length))
    drop(index, Self.owned)
  }

  /// A use of the segment that is mapped in all of `range`, where one is.
  ///
  /// The kernel is asked whether it is still mapped there: the application may have put something
  /// else in its place. Not for hook context.
  package func use(of range: AddressRange) -> SegmentUse? {
    for index in 0..<Self.capacity {
      guard retain(index) else { continue }
      if entries[index].range.contains(range), isMapped(index, in: range) {
        return SegmentUse(index: index)
      }
      release(SegmentUse(index: index))
    }
    return nil
  }

  private func retain(_ index: Int) -> Bool {
    var old = word(index).loadAcquiring()
    while old & Self.owned != 0 {
      let (exchanged, original) = word(index).compareExchange(expected: old, desired: old + 1)
      if exchanged { return true }
      old = original
    }
    return false
  }

  private func isMapped(_ index: Int, in range: AddressRange) -> Bool {
    let entry = entries[index]
    guard let mapping = try? Mapping.at(range.start) else { return false }
    return mapping.range.contains(range) && mapping.inode == entry.inode && mapping.isShared
      && mapping.isWritable
      && mapping.offset + UInt64(range.start - mapping.range.start)
        == UInt64(range.start - entry.range.start)
  }

  /// Where the alias mapping has what the application has at `address`; and the memfd with the
  /// offset of that address in it.
  package func location(
    of use: SegmentUse, at address: UInt
  ) -> (alias: UInt, descriptor: Int32, offset: UInt64) {
    let entry = entries[use.index]
    let offset = address - entry.range.start
    return (entry.alias + offset, entry.descriptor, UInt64(offset))
  }

  /// Ends a use. Hook context.
  package func release(_ use: SegmentUse) {
    drop(use.index, 1)
  }

  /// Takes `share` off the word. Who takes the last one marks the entry as closing, so that no new
  /// segment takes its place, takes the memfd down, and only then frees it.
  private func drop(_ index: Int, _ share: UInt32) {
    var old = word(index).loadAcquiring()
    while true {
      precondition(old >= share, "a segment is released more often than it was used")
      let rest = old - share == 0 ? Self.closing : old - share
      let (exchanged, original) = word(index).compareExchange(expected: old, desired: rest)
      if exchanged { break }
      old = original
    }
    if old != share { return }
    let entry = entries[index]
    munmap(UnsafeMutableRawPointer(bitPattern: entry.alias), Int(entry.range.length))
    close(entry.descriptor)
    word(index).store(0)
  }
}
