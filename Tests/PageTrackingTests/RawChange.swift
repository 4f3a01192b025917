import CInterceptionRecorder
import Glibc
import PageTracking
import VirtualMemory

/// A way around libc to change the first two of eight pages.
enum RawChange: String, CaseIterable, Codable, Sendable {
  case munmap, mremapMove, mremapShrink, mremapOver, mmapOver, doNotNeed, doNotNeedLocked
  case doNotNeedByURing, munmapByThread, munmapInSignalHandler

  /// What it is told as: by what the kernel's events say, and by the call itself.
  var event: MappingChangeKind {
    switch self {
    case .mremapMove: .mremap
    case .doNotNeed, .doNotNeedLocked, .doNotNeedByURing: .madvise
    default: .munmap
    }
  }

  var call: MappingChangeKind {
    switch self {
    case .mremapMove, .mremapShrink, .mremapOver: .mremap
    case .mmapOver: .mmap
    case .doNotNeed, .doNotNeedLocked, .doNotNeedByURing: .madvise
    default: .munmap
    }
  }

  /// Which of its ways *dispatch* sees on the test's thread.
  static let calls: [RawChange] = allCases.filter {
    $0 != .doNotNeedByURing && $0 != .munmapByThread
  }

  private static let numbers = (munmap: 11, mmap: 9, mremap: 25, madvise: 28)

  /// Makes the change; returns whether the kernel did it.
  func apply(to pages: TestPages) -> Bool {
    let start = Int(bitPattern: pages.base)
    let length = pages.bytes(2)
    let doNotNeedLocked = 24
    let mayMove = 1
    let fixed = 2
    switch self {
    case .munmap: return raw(Self.numbers.munmap, start, length) == 0
    case .mremapMove:
      let moved = raw(Self.numbers.mremap, start, length, pages.bytes(64), mayMove)
      return moved > 0 && moved != start
    case .mremapShrink:
      return raw(Self.numbers.mremap, start, pages.bytes(8), pages.bytes(1)) == start
    case .mremapOver:
      let other = Int(bitPattern: TestPages(2).base)
      return raw(Self.numbers.mremap, other, length, length, mayMove | fixed, start) == start
    case .mmapOver:
      let flags = Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
      return raw(Self.numbers.mmap, start, length, Int(PROT_READ), flags, -1) == start
    case .doNotNeed: return raw(Self.numbers.madvise, start, length, Int(MADV_DONTNEED)) == 0
    case .doNotNeedLocked: return raw(Self.numbers.madvise, start, length, doNotNeedLocked) == 0
    case .doNotNeedByURing:
      return CInterceptionRecorder_uring_madvise(pages.base, length, MADV_DONTNEED) == 0
    case .munmapByThread:
      return CInterceptionRecorder_raw_munmap_in_thread(pages.base, length, nil) == 0
    case .munmapInSignalHandler:
      CInterceptionRecorder_raw_munmap_in_signal_handler(pages.base, length)
      return true
    }
  }

  private func raw(
    _ number: Int, _ first: Int, _ second: Int, _ third: Int = 0, _ fourth: Int = 0,
    _ fifth: Int = 0
  ) -> Int {
    CInterceptionRecorder_raw(number, first, second, third, fourth, fifth, 0)
  }
}
