/// What the application, or the kernel, is about to do to a mapping.
public enum MappingChangeKind: UInt32, Sendable, CaseIterable {
  case munmap = 1
  case mmap
  case mremap
  case mprotect
  case madvise
  case brk
  case shmdt
  case shmat
  case remapFilePages
  /// Found changed by an audit; what has changed it is not known.
  case audit
  /// Of the file that is mapped: ftruncate, truncate, or fallocate that empties or moves.
  case truncate
}
