import CLinuxMemory
import Glibc

/// A mapping of this process.
package struct Mapping: Hashable, Sendable {
  package let range: AddressRange
  /// Bytes into the file that is mapped.
  package let offset: UInt64
  /// The file's inode, 0 where no file is mapped.
  package let inode: UInt64
  package let isWritable: Bool
  package let isShared: Bool

  /// The mapping that holds `address`, or the next one above it; nil where there is none.
  ///
  /// Asks the kernel for one mapping, or, before Linux 6.11, reads through all of them.
  package static func at(_ address: UInt) throws(VirtualMemoryError) -> Mapping? {
    let descriptor = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw .system(errno: errno) }
    defer { close(descriptor) }
    var found = CLinuxMemory_mapping()
    switch CLinuxMemory_query_mapping(descriptor, UInt64(address), &found) {
    case 0: return Mapping(found)
    case -ENOENT: return nil
    case -ENOTTY: return try MappingList(reading: descriptor).first { $0.range.end > address }
    case let error: throw .system(errno: -error)
    }
  }

  private init(_ mapping: CLinuxMemory_mapping) {
    range = AddressRange(start: UInt(mapping.start), end: UInt(mapping.end))
    offset = mapping.offset
    inode = mapping.inode
    isWritable = mapping.writable
    isShared = mapping.shared
  }

  /// From a line of `/proc/<pid>/maps`: start-end permissions offset device inode path.
  init?(line: Substring.UTF8View) {
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
    guard fields.count >= 5 else { return nil }
    let bounds = fields[0].split(separator: UInt8(ascii: "-"))
    guard bounds.count == 2,
      let start = UInt(Substring(bounds[0]), radix: 16),
      let end = UInt(Substring(bounds[1]), radix: 16),
      let offset = UInt64(Substring(fields[2]), radix: 16),
      let inode = UInt64(Substring(fields[4]))
    else { return nil }
    let permissions = Array(fields[1])
    guard permissions.count == 4, start <= end else { return nil }
    range = AddressRange(start: start, end: end)
    self.offset = offset
    self.inode = inode
    isWritable = permissions[1] == UInt8(ascii: "w")
    isShared = permissions[3] == UInt8(ascii: "s")
  }
}
