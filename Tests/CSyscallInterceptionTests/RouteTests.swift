import CAllocationCounter
import CInterceptionRecorder
import CSyscallInterception
import Glibc
import Testing

/// Changes that reach the kernel by other routes than a plain call of a wrapper.
struct RouteTests {
  @Test(
    .disabled(if: !CAllocationCounter_available, "a sanitizer's malloc is not libc's"))
  func freeOfALargeBlock() async {
    await #expect(processExitsWith: .success) {
      let length = 8 << 20
      let block = Pages(heapBlock: malloc(length)!, length: length)
      let seen = recording(block.range) { free(block.base) }
      #expect(seen.map(\.kind) == [CSyscallInterception_kind_munmap])
      #expect(seen.allSatisfy { $0.range.contains(block.range) && $0.content != -1 })
    }
  }

  @Test(
    .disabled(if: !CAllocationCounter_available, "a sanitizer's malloc is not libc's"))
  func reallocOfALargeBlock() async {
    await #expect(processExitsWith: .success) {
      let length = 8 << 20
      let block = Pages(heapBlock: malloc(length)!, length: length)
      let tail = block[length / 2 / Pages.size + 1..<length / Pages.size]
      let head = block[1..<length / 2 / Pages.size]
      let shrunk = recording(tail) { #expect(realloc(block.base, length / 2) == block.base) }
      #expect(shrunk.map(\.kind) == [CSyscallInterception_kind_mremap])
      #expect(shrunk.allSatisfy { $0.range.contains(tail) && !$0.range.overlaps(head) })

      let grown = recording(head) { #expect(realloc(block.base, 64 << 20) != nil) }
      #expect(grown.map(\.kind) == [CSyscallInterception_kind_mremap])
      #expect(grown.allSatisfy { $0.range.contains(head) })
    }
  }

  @Test(
    .disabled(if: !CAllocationCounter_available, "a sanitizer's malloc is not libc's"))
  func trimmingInsideTheHeap() async {
    await #expect(processExitsWith: .success) {
      let length = 64 << 10
      let blocks = (0..<64).map { _ in malloc(length)! }
      let middle = Pages(heapBlock: blocks[32], length: length)
      let start = (middle.range.lowerBound + 4095) & ~4095
      for block in blocks.dropLast() { free(block) }
      let seen = recording(start..<start + 4096) { CInterceptionRecorder_malloc_trim() }
      #expect(seen.map(\.kind) == [CSyscallInterception_kind_madvise])
      #expect(seen.first?.advice == UInt32(MADV_DONTNEED))
    }
  }

  @Test(
    .disabled(if: !CAllocationCounter_available, "sanitizers end threads in their own way"))
  func stackOfAThread() async {
    await #expect(processExitsWith: .success) {
      let seen = recording(0..<0) { CInterceptionRecorder_watch_and_release_thread_stack() }
      #expect(seen.last?.kind == CSyscallInterception_kind_munmap)
    }
  }

  @Test func dlcloseInsideTheLoader() async {
    await #expect(processExitsWith: .success) {
      let name = "libBrokenLocale.so.1"
      try #require(dlopen(name, RTLD_LAZY | RTLD_NOLOAD) == nil)
      let library = try #require(dlopen(name, RTLD_LAZY))
      let base = library.load(as: UInt64.self)  // link_map's first member is the load address
      let seen = recording(base..<base + 4096) { dlclose(library) }
      #expect(seen.map(\.kind) == [CSyscallInterception_kind_munmap])
      #expect(seen.first?.content == 0x7f)
    }
  }

  @Test func syscallFunction() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(4)
      let address = Int(bitPattern: pages.base)
      let seen = recording(pages.range) {
        let shrunk = CInterceptionRecorder_syscall(
          CallNumber.mremap, address, pages.length, 2 * Pages.size, 0, 0, 0)
        #expect(shrunk == address)
        #expect(
          CInterceptionRecorder_syscall(CallNumber.munmap, address, Pages.size, 0, 0, 0, 0) == 0)
        // Six arguments, the last of them from the stack.
        let file = open("/proc/self/exe", O_RDONLY)
        let mapped = CInterceptionRecorder_syscall(
          CallNumber.mmap, address, Pages.size, Int(PROT_READ), Int(MAP_PRIVATE | MAP_FIXED),
          Int(file),
          Pages.size)
        #expect(mapped == address)
        var expected: UInt64 = 0
        pread(file, &expected, 8, Pages.size)
        #expect(pages.base.load(as: UInt64.self) == expected)
      }
      #expect(
        seen == [
          Seen(kind: CSyscallInterception_kind_mremap, range: pages[2..<4]),
          Seen(kind: CSyscallInterception_kind_munmap, range: pages[0..<1]),
          Seen(kind: CSyscallInterception_kind_mmap, range: pages[0..<1], content: -1),
        ])
    }
  }

  @Test(
    .disabled(if: CAllocationCounter_thread_sanitizer, "ThreadSanitizer: a thread that ends"))
  func anotherThread() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(2)
      let seen = recording(pages.range) {
        CInterceptionRecorder_unmap_in_thread(pages.base, pages.length)
        #expect(CInterceptionRecorder_entry_at(0).thread != CInterceptionRecorder_thread())
      }
      #expect(seen == [Seen(kind: CSyscallInterception_kind_munmap, range: pages.range)])
    }
  }

  @Test func signalHandlerOnASmallStack() async {
    await #expect(processExitsWith: .success) {
      let pages = Pages(2)
      let seen = recording(pages.range) {
        CInterceptionRecorder_unmap_in_signal_handler(pages.base, pages.length)
      }
      #expect(seen == [Seen(kind: CSyscallInterception_kind_munmap, range: pages.range)])
    }
  }

  @Test func childProcesses() async {
    await #expect(processExitsWith: .success) {
      install()
      var child: pid_t = 0
      var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
      #expect(posix_spawn(&child, "/bin/true", nil, nil, &arguments, nil) == 0)
      var status: Int32 = -1
      #expect(waitpid(child, &status, 0) == child)
      #expect(status == 0)
      CSyscallInterception_uninstall()
    }
  }
}
