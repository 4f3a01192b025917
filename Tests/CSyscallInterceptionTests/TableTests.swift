import CAllocationCounter
import CInterceptionRecorder
import CSyscallInterception
import Glibc
import Testing

/// The look that detours take at a table before anybody is asked.
struct TableTests {
  /// Two mappings of as many pages: the end of one 32 MiB, and the beginning of the next.
  private static func pagesAcrossEntries() -> UnsafeMutableRawPointer {
    let room = 2 * Int(WatchedTable.bytesPerEntry)
    let memory = mmap(nil, room, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    precondition(memory != MAP_FAILED)
    let address = UInt64(UInt(bitPattern: memory))
    let border = (address / WatchedTable.bytesPerEntry + 1) * WatchedTable.bytesPerEntry
    return UnsafeMutableRawPointer(bitPattern: UInt(border)).unsafelyUnwrapped
  }

  private static func questions(_ body: () -> Void) -> Int {
    let before = CInterceptionRecorder_questions()
    body()
    return CInterceptionRecorder_questions() - before
  }

  private static func address(_ pointer: UnsafeMutableRawPointer) -> UInt64 {
    UInt64(UInt(bitPattern: pointer))
  }

  /// Every call that has a look of its own, on a page at `base`.
  private static let calls: [@Sendable (UnsafeMutableRawPointer) -> Void] = [
    { mprotect($0, Pages.size, PROT_READ) },
    { madvise($0, Pages.size, MADV_DONTNEED) },
    { posix_madvise($0, Pages.size, POSIX_MADV_DONTNEED) },
    { munmap($0, Pages.size) },
  ]

  @Test func nobodyIsAskedWhereTheTableSaysNothing() async {
    await #expect(processExitsWith: .success) {
      let border = Self.pagesAcrossEntries()
      let page = border + 4 * Pages.size
      let table = WatchedTable()
      let seen = recording(Self.address(page)..<Self.address(page) + 4096) {
        for call in Self.calls {
          table.watch(all: 0)
          #expect(Self.questions { call(page) } == 0)
          // The neighbours do not matter, and what matters is asked about.
          table.watch(all: 1)
          table[Self.address(page)] = 0
          #expect(Self.questions { call(page) } == 0)
          table.watch(all: 0)
          table[Self.address(page)] = 1
        }
        #expect(Self.questions { munmap(page, Pages.size) } > 0)
      }
      #expect(seen.map(\.kind) == [CSyscallInterception_kind_munmap])
    }
  }

  /// Without the table, or with what the table does not say, everything goes to the filter.
  @Test func theFilterIsAskedWhereTheTableCannotSay() async {
    await #expect(processExitsWith: .success) {
      let border = Self.pagesAcrossEntries()
      let across = border - Pages.size
      let table = WatchedTable()
      let seen = recording(Self.address(across)..<Self.address(across) + 8192) {
        table.watch(all: 0)
        #expect(Self.questions { mprotect(across, 2 * Pages.size, PROT_READ) } > 0)
        #expect(Self.questions { munmap(UnsafeMutableRawPointer(bitPattern: 1 << 50), 4096) } > 0)
        // May extend down from here.
        let growsDown = PROT_READ | 0x0100_0000
        #expect(Self.questions { mprotect(border + 4096, 4096, growsDown) } > 0)
        CSyscallInterception_watch_table(nil, 0)
        #expect(Self.questions { mprotect(border, Pages.size, PROT_READ) } > 0)
      }
      #expect(seen.count == 3)
    }
  }

  @Test func aMappingThatTheKernelPlacesIsNoChange() async {
    await #expect(processExitsWith: .success) {
      let border = Self.pagesAcrossEntries()
      let anonymous = MAP_PRIVATE | MAP_ANONYMOUS
      let seen = recording(Self.address(border)..<Self.address(border) + 4096) {
        WatchedTable().watch(all: 1)
        #expect(Self.questions { mmap(border, 4096, PROT_READ, anonymous, -1, 0) } == 0)
        #expect(Self.questions { mmap(border, 4096, PROT_READ, anonymous | MAP_FIXED, -1, 0) } > 0)
      }
      #expect(seen.map(\.kind) == [CSyscallInterception_kind_mmap])
    }
  }

  /// Dispatch needs every call in a detour: it is there that raw calls begin to trap again.
  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers make raw calls with signals blocked"))
  func whileDispatchRunsTheTableIsNotLookedAt() async {
    await #expect(processExitsWith: .success) {
      let border = Self.pagesAcrossEntries()
      _ = recording(0..<1) {
        WatchedTable().watch(all: 0)
        let error = CSyscallInterception_start_dispatch(
          CInterceptionRecorder_filter, CInterceptionRecorder_handler, nil)
        #expect(error == 0)
        #expect(Self.questions { munmap(border, Pages.size) } > 0)
        CSyscallInterception_stop_dispatch()
        #expect(Self.questions { munmap(border, Pages.size) } == 0)
      }
    }
  }

  @Test func resultsAreTheKernels() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(2)
      let seen = recording(pages.range) {
        WatchedTable().watch(all: 0)
        #expect(munmap(pages.base + 1, pages.length) == -1)
        #expect(errno == EINVAL)
        #expect(munmap(pages.base, 0) == -1)
        #expect(munmap(pages.base, .max) == -1)
        #expect(mprotect(pages.base, pages.length, PROT_READ) == 0)
        #expect(mprotect(pages.base, -Pages.size, PROT_NONE) == -1)
        #expect(errno == ENOMEM)
        let other = mmap(nil, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        #expect(other != MAP_FAILED)
        #expect(munmap(other, 4096) == 0)
        #expect(munmap(pages.base, pages.length) == 0)
        #expect(madvise(pages.base, pages.length, MADV_DONTNEED) == -1)
        #expect(errno == ENOMEM)
      }
      #expect(seen == [])
    }
  }
}
