/// The names of the changes that a monitor sees, by the raw values of PageTracking's
/// `MappingChangeKind`, which this module must not import.
enum MappingChangeName {
  private static let names = [
    "munmap", "mmap", "mremap", "mprotect", "madvise", "brk", "shmdt", "shmat",
    "remap_file_pages", "audit", "truncate",
  ]

  static func name(of value: UInt32) -> String {
    value >= 1 && value <= names.count ? names[Int(value) - 1] : "change-\(value)"
  }
}
