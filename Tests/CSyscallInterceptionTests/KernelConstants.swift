/// Constants of the kernel that Swift's Glibc does not show, or that are newer than some headers.
enum Remap {
  static let mayMove: Int32 = 1
  static let fixed: Int32 = 2
  static let keepOld: Int32 = 4
}

enum Advice {
  static let wipeOnFork: Int32 = 18
  static let cold: Int32 = 20
  static let pageOut: Int32 = 21
  static let doNotNeedLocked: Int32 = 24
  static let collapse: Int32 = 25
  static let installGuard: Int32 = 102
}

enum CallNumber {
  static let mmap = 9
  static let munmap = 11
  static let mremap = 25
}

let mapFixedNoReplace: Int32 = 0x100000
