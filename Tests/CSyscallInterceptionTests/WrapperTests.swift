import CInterceptionRecorder
import CSyscallInterception
import Glibc
import Testing

// Hooks belong to a process, and so does each of these tests.

/// Each wrapper of libc is seen before the call, with the range that it changes and no other.
struct WrapperTests {
  @Test func munmapOfAllAndOfAPart() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4)
      let seen = recording(pages.range) {
        munmap(pages.base + Pages.size, Pages.size - 1)
        munmap(pages.base, pages.length)
      }
      #expect(
        seen == [
          Seen(kind: CSyscallInterception_kind_munmap, range: pages[1..<2]),
          Seen(kind: CSyscallInterception_kind_munmap, range: pages.range),
        ])
    }
  }

  @Test func onlyFixedMmapIsAChange() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4)
      let anonymous = MAP_PRIVATE | MAP_ANONYMOUS
      let seen = recording(pages.range) {
        let hinted = mmap(pages.base, pages.length, PROT_READ, anonymous, -1, 0)
        #expect(hinted != pages.base)
        let refused = mmap(
          pages.base, pages.length, PROT_READ, anonymous | MAP_FIXED | mapFixedNoReplace, -1, 0)
        #expect(refused == MAP_FAILED)
        #expect(errno == EEXIST)
        let placed = mmap(
          pages.base + Pages.size, Pages.size, PROT_READ, anonymous | MAP_FIXED, -1, 0)
        #expect(placed == pages.base + Pages.size)
      }
      #expect(seen == [Seen(kind: CSyscallInterception_kind_mmap, range: pages[1..<2])])
    }
  }

  @Test func mremapThatShrinksGrowsAndMoves() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(8)
      let seen = recording(pages.range) {
        // The same size, and growth that may not move, change nothing that was there.
        let same = CInterceptionRecorder_mremap(
          pages.base, pages.length, pages.length, Remap.mayMove, nil)
        #expect(same == pages.base)
        _ = CInterceptionRecorder_mremap(pages.base, Pages.size, 2 * Pages.size, 0, nil)
        let shrunk = CInterceptionRecorder_mremap(pages.base, pages.length, 6 * Pages.size, 0, nil)
        #expect(shrunk == pages.base)
        let moved = CInterceptionRecorder_mremap(
          pages.base, 6 * Pages.size, 1 << 30, Remap.mayMove, nil)
        #expect(moved != MAP_FAILED)
      }
      let kind = CSyscallInterception_kind_mremap
      #expect(
        seen == [Seen(kind: kind, range: pages[6..<8]), Seen(kind: kind, range: pages[0..<6])])
    }
  }

  @Test func mremapOverADestination() async {
    await #expect(processExitsWith: .success) {
      let kind = CSyscallInterception_kind_mremap
      let fixed = Remap.mayMove | Remap.fixed
      let source = Pages(2)
      let destination = Pages(4)
      let overwritten = recording(destination.range) {
        let moved = CInterceptionRecorder_mremap(
          source.base, source.length, source.length, fixed, destination.base + Pages.size)
        #expect(moved == destination.base + Pages.size)
      }
      #expect(overwritten == [Seen(kind: kind, range: destination[1..<3])])

      let target = Pages(2)
      let left = recording(destination.range) {
        _ = CInterceptionRecorder_mremap(
          destination.base, Pages.size, Pages.size, fixed, target.base)
      }
      #expect(left == [Seen(kind: kind, range: destination[0..<1])])
    }
  }

  @Test func mremapThatKeepsOrCopiesTheOldMapping() async {
    await #expect(processExitsWith: .success) {
      let kind = CSyscallInterception_kind_mremap
      let pages = Pages(2)
      let emptied = recording(pages.range) {
        let moved = CInterceptionRecorder_mremap(
          pages.base, pages.length, pages.length, Remap.mayMove | Remap.keepOld, nil)
        #expect(moved != MAP_FAILED)
      }
      #expect(emptied == [Seen(kind: kind, range: pages.range)])

      let shared = Pages(2, shared: true)
      let aliased = recording(shared.range) {
        let alias = CInterceptionRecorder_mremap(
          shared.base, 0, shared.length, Remap.mayMove, nil)
        #expect(alias?.load(as: UInt8.self) == UInt8(Pages.pattern))
      }
      #expect(aliased == [])
    }
  }

  @Test func protection() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4)
      let kind = CSyscallInterception_kind_mprotect
      let seen = recording(pages.range) {
        mprotect(pages.base, 1, PROT_NONE)
        mprotect(pages.base, pages.length, PROT_READ | PROT_WRITE)
        _ = CInterceptionRecorder_pkey_mprotect(pages.base, Pages.size, PROT_READ, 0)
        mprotect(pages.base, 0, PROT_NONE)
      }
      let readWrite = UInt32(PROT_READ | PROT_WRITE)
      #expect(
        seen == [
          Seen(kind: kind, range: pages[0..<1], protection: 0),
          Seen(kind: kind, range: pages.range, protection: readWrite, content: -1),
          Seen(kind: kind, range: pages[0..<1], protection: UInt32(PROT_READ)),
        ])
    }
  }

  @Test func adviceThatTakesPages() async {
    await #expect(processExitsWith: .success) {
      for advice in [
        MADV_DONTNEED, MADV_FREE, Advice.wipeOnFork, Advice.pageOut, Advice.doNotNeedLocked,
        Advice.collapse, Advice.installGuard,
      ] {
        let pages = Pages(4)
        let seen = recording(pages.range) {
          madvise(pages.base + Pages.size, 2 * Pages.size, advice)
          posix_madvise(pages.base, pages.length, advice == MADV_DONTNEED ? 0 : advice)
        }
        let kind = CSyscallInterception_kind_madvise
        #expect(seen.first == Seen(kind: kind, range: pages[1..<3], advice: UInt32(advice)))
        #expect(seen.count == (advice == MADV_DONTNEED ? 1 : 2))
      }
      let shared = Pages(2, shared: true)
      let removed = recording(shared.range) { madvise(shared.base, shared.length, MADV_REMOVE) }
      #expect(removed.map(\.advice) == [UInt32(MADV_REMOVE)])
    }
  }

  @Test func adviceThatTakesNothing() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4)
      let seen = recording(pages.range) {
        for advice in [MADV_NORMAL, MADV_WILLNEED, MADV_DONTFORK, MADV_DOFORK, Advice.cold] {
          #expect(madvise(pages.base, pages.length, advice) == 0)
        }
        posix_madvise(pages.base, pages.length, POSIX_MADV_DONTNEED)
      }
      #expect(seen == [])
    }
  }

  @Test func processAdviceOnOneself() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4)
      let seen = recording(pages.range) {
        _ = CInterceptionRecorder_process_madvise(
          pages.base, pages.base + 2 * Pages.size, Pages.size, Advice.pageOut)
      }
      let kind = CSyscallInterception_kind_madvise
      let advice = UInt32(Advice.pageOut)
      #expect(
        seen == [
          Seen(kind: kind, range: pages[0..<1], advice: advice),
          Seen(kind: kind, range: pages[2..<3], advice: advice),
        ])
    }
  }

  @Test func theBreak() async {
    await #expect(processExitsWith: .success) {
      let old = sbrk(1 << 20)!
      let start = (UInt64(UInt(bitPattern: old)) + 4095) & ~4095
      let end = (UInt64(UInt(bitPattern: sbrk(0)!)) + 4095) & ~4095
      memset(old, Pages.pattern, 1 << 20)
      let seen = recording(start..<end) {
        sbrk(Pages.size)
        brk(old)
        brk(old)
      }
      let kind = CSyscallInterception_kind_brk
      #expect(seen == [Seen(kind: kind, range: start..<end + 4096)])
    }
  }

  @Test func segments() async {
    await #expect(processExitsWith: .success) {
      let length = 4 * Pages.size
      let identifier = CInterceptionRecorder_shmget(length - 5)
      let attached = CInterceptionRecorder_shmat(identifier, nil, 0)!
      memset(attached, Pages.pattern, length)
      let pages = Pages(heapBlock: attached, length: length)
      // A hole in the middle; what lies behind it is detached as well.
      munmap(attached + Pages.size, Pages.size)
      let detached = recording(pages.range) { CInterceptionRecorder_shmdt(attached) }
      #expect(detached == [Seen(kind: CSyscallInterception_kind_shmdt, range: pages.range)])

      let below = Pages(8)
      let over = recording(below.range) {
        let placed = CInterceptionRecorder_shmat(
          identifier, below.base + Pages.size, CInterceptionRecorder_shm_remap)
        #expect(placed == below.base + Pages.size)
      }
      #expect(over == [Seen(kind: CSyscallInterception_kind_shmat, range: below[1..<5])])
      CInterceptionRecorder_shm_remove(identifier)
    }
  }

  @Test func detachingWhatIsNoSegment() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(2)
      let seen = recording(pages.range) {
        #expect(CInterceptionRecorder_shmdt(pages.base) == -1)
        #expect(errno == EINVAL)
      }
      #expect(seen == [])
    }
  }

  @Test func filePagesInAnotherOrder() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4, shared: true)
      let seen = recording(pages.range) {
        #expect(CInterceptionRecorder_remap_file_pages(pages.base, Pages.size, 3) == 0)
      }
      let kind = CSyscallInterception_kind_remap_file_pages
      #expect(seen == [Seen(kind: kind, range: pages[0..<1])])
    }
  }
}
