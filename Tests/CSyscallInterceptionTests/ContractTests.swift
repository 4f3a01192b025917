import CInterceptionRecorder
import CSyscallInterception
import Glibc
import Testing

/// What the hook leaves alone, and what holds for filter, handler, install and uninstall.
struct ContractTests {
  /// Results and errors of calls that the kernel refuses are the kernel's, and no change is seen.
  @Test func callsThatFail() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(2)
      let misaligned = pages.base + 1
      let seen = recording(pages.range) {
        errno = 0
        #expect(munmap(misaligned, pages.length) == -1)
        #expect(errno == EINVAL)
        #expect(munmap(pages.base, 0) == -1)
        #expect(munmap(pages.base, .max) == -1)
        #expect(mprotect(misaligned, 1, PROT_NONE) == -1)
        #expect(mprotect(pages.base, -Pages.size, PROT_NONE) == -1)
        #expect(errno == ENOMEM)
        #expect(madvise(misaligned, 1, MADV_DONTNEED) == -1)
        let anonymous = MAP_PRIVATE | MAP_ANONYMOUS
        #expect(mmap(pages.base, 0, PROT_READ, anonymous | MAP_FIXED, -1, 0) == MAP_FAILED)
        let fixed = Remap.mayMove | Remap.fixed
        let overlap = CInterceptionRecorder_mremap(
          pages.base, pages.length, pages.length, fixed, pages.base + Pages.size)
        #expect(overlap == MAP_FAILED)
        let halfFixed = CInterceptionRecorder_mremap(
          pages.base, pages.length, pages.length, Remap.fixed, pages.base + 16 * Pages.size)
        #expect(halfFixed == MAP_FAILED)
        #expect(errno == EINVAL)
        #expect(CInterceptionRecorder_mremap(pages.base, pages.length, 0, 0, nil) == MAP_FAILED)
      }
      #expect(seen == [])
    }
  }

  /// The handler of the recorder leaves EDOM in errno.
  @Test func errnoOfTheCaller() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(2)
      let seen = recording(pages.range) {
        errno = ECHILD
        munmap(pages.base, Pages.size)
        #expect(errno == ECHILD)
        madvise(pages.base, Pages.size, Advice.installGuard)  // nothing is mapped there any more
        #expect(errno == ENOMEM)
      }
      #expect(seen.count == 2)
    }
  }

  @Test func nothingHappensWhereTheFilterSaysNo() async {
    await #expect(processExitsWith: .success) {
      let watched = Pages(1)
      let pages = Pages(4)
      let seen = recording(watched.range) {
        munmap(pages.base, pages.length)
        #expect(CInterceptionRecorder_questions() > 0)
      }
      #expect(seen == [])
    }
  }

  @Test func aHandlerThatUnmapsIsSeenItself() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4)
      let seen = recording(pages.range) {
        CInterceptionRecorder_unmap_in_handler(pages.base + 2 * Pages.size, Pages.size)
        munmap(pages.base, Pages.size)
        #expect(CInterceptionRecorder_entry_at(0).depth == 1)
        #expect(CInterceptionRecorder_entry_at(1).depth == 0)
      }
      let kind = CSyscallInterception_kind_munmap
      #expect(
        seen == [Seen(kind: kind, range: pages[2..<3]), Seen(kind: kind, range: pages[0..<1])])
    }
  }

  /// A debugger or a profiler finds its way from the handler through the detour and the wrapper.
  @Test func theStackCanBeUnwound() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(2)
      CInterceptionRecorder_unwind_in_handler(true)
      _ = recording(pages.range) { munmap(pages.base, pages.length) }
      #expect(CInterceptionRecorder_entry_at(0).frames > 6)
    }
  }

  @Test func everySiteThatIsKnownIsPatched() async {
    await #expect(processExitsWith: .success) {
      let report = install()
      withUnsafePointer(to: report) { report in
        let gaps = (0..<report.pointee.gap_count).map { index in
          let gap = CSyscallInterception_report_gap(report, index)
          return "\(String(cString: gap.name)): \(String(cString: gap.reason))"
        }
        // A libc may be too old for the two newest functions; what exists has to be patched.
        #expect(gaps.filter { !$0.hasSuffix("no such function") } == [])
      }
      let sites = 0..<CSyscallInterception_site_count()
      #expect(sites.allSatisfy { CSyscallInterception_site_patched($0) })
      #expect(Int(report.patched) == sites.count)
      let names = sites.map { String(cString: CSyscallInterception_site_name($0)) }
      #expect(
        Set(names).isSuperset(of: [
          "munmap", "mmap", "mremap", "mprotect", "madvise", "posix_madvise", "brk", "shmat",
          "shmdt", "syscall", "munmap in the dynamic loader", "mmap in the dynamic loader",
          "mprotect in the dynamic loader", "brk in the dynamic loader",
        ]))

      var second = CSyscallInterception_report()
      let again = CSyscallInterception_install(
        CInterceptionRecorder_filter, CInterceptionRecorder_handler, &second)
      #expect(again == -EALREADY)
      #expect(CSyscallInterception_installed())
      CSyscallInterception_uninstall()
      #expect(!CSyscallInterception_installed())
      #expect(!sites.contains { CSyscallInterception_site_patched($0) })
    }
  }

  /// The counter-test: with the hooks gone the code is as it was, and nobody is told.
  @Test func uninstallRestoresEveryByte() async {
    await #expect(processExitsWith: .success) {
      install()
      CSyscallInterception_uninstall()
      let addresses = (0..<CSyscallInterception_site_count()).map(CSyscallInterception_site_address)
      let original = addresses.map(code(around:))
      install()
      let patched = addresses.map(code(around:))
      CSyscallInterception_uninstall()
      #expect(zip(original, patched).allSatisfy { $0 != $1 })
      #expect(addresses.map(code(around:)) == original)
      #expect(original == addresses.map(codeInFile(around:)))

      let pages = Pages(1)
      CInterceptionRecorder_watch(pages.range.lowerBound, pages.range.upperBound)
      munmap(pages.base, pages.length)
      #expect(CInterceptionRecorder_questions() == 0)
      #expect(recorded() == [])
    }
  }
}

/// The page that holds a site, and the next.
private func code(around address: UInt64) -> [UInt8] {
  let page = UnsafeRawPointer(bitPattern: UInt(address) & ~4095)!
  return Array(UnsafeRawBufferPointer(start: page, count: Pages.size))
}

/// The same page of the file that it was mapped from.
private func codeInFile(around address: UInt64) -> [UInt8] {
  let maps = fopen("/proc/self/maps", "r")!
  defer { fclose(maps) }
  var line = [CChar](repeating: 0, count: 4096)
  while fgets(&line, 4096, maps) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    // range, access, offset, device, inode, path
    let fields = text.split { $0 == " " || $0 == "\n" }
    let bounds = fields[0].split(separator: "-").map { UInt64($0, radix: 16)! }
    guard (bounds[0]..<bounds[1]).contains(address), fields.count == 6 else { continue }
    let file = open(String(fields[5]), O_RDONLY)
    defer { close(file) }
    let offset = UInt64(fields[2], radix: 16)! + (address & ~4095) - bounds[0]
    var bytes = [UInt8](repeating: 0, count: Pages.size)
    pread(file, &bytes, Pages.size, Int(offset))
    return bytes
  }
  return []
}
