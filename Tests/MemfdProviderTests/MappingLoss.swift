import CInterceptionRecorder
import Glibc
import VirtualMemory

/// A way in which an application loses the memory of a buffer.
enum MappingLoss: String, CaseIterable, Sendable {
  case free, munmapWhole, munmapHead, munmapMiddle, munmapTail, mremapMove, mremapShrink, mmapOver
  case madviseDontneed, mprotectNone, munmapByAnotherThread

  /// A buffer of `length` bytes that can be lost in this way; and the block it was allocated in.
  func allocate(_ length: Int) -> (buffer: UnsafeMutableRawPointer, block: UnsafeMutableRawPointer)
  {
    if self == .free {
      // Above 32 MiB a block is always a mapping of its own; libc learns from every smaller one
      // that is freed to keep the next in its heap.
      let alwaysMapped = 33 << 20
      guard let block = malloc(max(length + 2 * pageSize, alwaysMapped)) else {
        preconditionFailure("no memory")
      }
      let aligned = (UInt(bitPattern: block) + Page.size) & ~(Page.size - 1)
      return (UnsafeMutableRawPointer(bitPattern: aligned).unsafelyUnwrapped, block)
    }
    let memory = mmap(
      nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { preconditionFailure("no memory") }
    return (memory, memory)
  }

  /// Loses it.
  func perform(
    _ buffer: UnsafeMutableRawPointer, _ length: Int, block: UnsafeMutableRawPointer
  ) {
    let result: Int32
    switch self {
    case .free:
      Glibc.free(block)
      result = 0
    case .munmapWhole: result = munmap(buffer, length)
    case .munmapHead: result = munmap(buffer, pageSize)
    case .munmapMiddle: result = munmap(buffer + pageSize, pageSize)
    case .munmapTail: result = munmap(buffer + length - pageSize, pageSize)
    case .mremapMove: result = move(buffer, length)
    case .mremapShrink:
      let shrunk = CInterceptionRecorder_mremap(buffer, length, length / 2, 0, nil)
      result = shrunk == buffer ? 0 : -1
    case .mmapOver: result = Self.map(buffer, length) ? 0 : -1
    case .madviseDontneed: result = madvise(buffer, length, MADV_DONTNEED)
    case .mprotectNone: result = mprotect(buffer, length, PROT_NONE)
    case .munmapByAnotherThread:
      CInterceptionRecorder_unmap_in_thread(buffer, length)
      result = 0
    }
    precondition(result == 0, "\(rawValue) failed")
  }

  /// Puts new memory at the same place. Where only access was taken away the pages stay: they are
  /// replaced as well, so that the frames change behind the registration.
  static func map(_ address: UnsafeMutableRawPointer, _ length: Int) -> Bool {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    return mmap(address, length, PROT_READ | PROT_WRITE, flags, -1, 0) == address
  }

  private func move(_ buffer: UnsafeMutableRawPointer, _ length: Int) -> Int32 {
    let place = mmap(nil, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    let moved = CInterceptionRecorder_mremap(
      buffer, length, length, Self.mayMoveToFixed, place)
    return moved == place ? munmap(place, length) : -1
  }

  /// MREMAP_MAYMOVE and MREMAP_FIXED.
  private static var mayMoveToFixed: Int32 { 3 }
  private var pageSize: Int { Int(Page.size) }
}
