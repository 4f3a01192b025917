import CInterceptionRecorder
import Glibc
import PageTracking

/// A way to change some of eight pages, in which the regions 0..<2 (read), 2..<4 (read and write)
/// and 6..<8 (read) are secured.
enum MappingChange: String, CaseIterable, Codable, Sendable {
  case munmapWhole, munmapHead, munmapMiddle, munmapTail, munmapSpanning, munmapByThread
  case mremapMove, mremapShrink, mremapOver
  case mmapOver, doNotNeed
  case protectNone, protectReadOnly, protectReadWrite

  /// Which of the regions it touches.
  var touched: [Int] {
    switch self {
    case .munmapWhole, .protectNone: [0, 1, 2]
    case .munmapHead, .mremapMove, .munmapByThread: [0]
    case .munmapMiddle, .protectReadWrite: []
    case .munmapTail, .doNotNeed: [2]
    case .munmapSpanning: [0, 1]
    case .mremapShrink: [1, 2]
    case .mmapOver, .mremapOver, .protectReadOnly: [1]
    }
  }

  var kind: MappingChangeKind {
    switch self {
    case .munmapWhole, .munmapHead, .munmapMiddle, .munmapTail, .munmapSpanning, .munmapByThread:
      .munmap
    case .mremapMove, .mremapShrink, .mremapOver: .mremap
    case .mmapOver: .mmap
    case .doNotNeed: .madvise
    case .protectNone, .protectReadOnly, .protectReadWrite: .mprotect
    }
  }

  /// Makes the change; returns whether the kernel did it.
  func apply(to pages: TestPages) -> Bool {
    let all = pages.bytes(pages.count)
    let mayMove: Int32 = 1
    let fixed: Int32 = 2
    switch self {
    case .munmapWhole: return munmap(pages.base, all) == 0
    case .munmapHead: return munmap(pages.base, pages.bytes(1)) == 0
    case .munmapMiddle: return munmap(pages.address(4), pages.bytes(2)) == 0
    case .munmapTail: return munmap(pages.address(7), pages.bytes(1)) == 0
    case .munmapSpanning: return munmap(pages.address(1), pages.bytes(2)) == 0
    case .munmapByThread:
      CInterceptionRecorder_unmap_in_thread(pages.base, pages.bytes(1))
      return true
    case .mremapMove:
      let moved = CInterceptionRecorder_mremap(
        pages.base, pages.bytes(2), pages.bytes(64), mayMove, nil)
      return moved != MAP_FAILED && moved != pages.base
    case .mremapShrink:
      return CInterceptionRecorder_mremap(pages.base, all, pages.bytes(3), 0, nil) == pages.base
    case .mremapOver:
      let other = TestPages(1)
      let target = pages.address(3)
      return CInterceptionRecorder_mremap(
        other.base, pages.bytes(1), pages.bytes(1), mayMove | fixed, target) == target
    case .mmapOver:
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
      return mmap(pages.address(3), pages.bytes(1), PROT_READ, flags, -1, 0) == pages.address(3)
    case .doNotNeed: return madvise(pages.address(6), pages.bytes(1), MADV_DONTNEED) == 0
    case .protectNone: return mprotect(pages.base, all, PROT_NONE) == 0
    case .protectReadOnly: return mprotect(pages.base, all, PROT_READ) == 0
    case .protectReadWrite: return mprotect(pages.base, all, PROT_READ | PROT_WRITE) == 0
    }
  }
}
