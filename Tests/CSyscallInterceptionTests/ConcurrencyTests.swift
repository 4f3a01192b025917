import CAllocationCounter
import CInterceptionRecorder
import CSyscallInterception
import Glibc
import Testing

/// Patching while other threads execute what is being patched, and what the detour preserves.
struct ConcurrencyTests {
  @Test(
    .disabled(if: CAllocationCounter_thread_sanitizer, "ThreadSanitizer: a thread that ends"))
  func installAndUninstallUnderFire() async {
    await #expect(processExitsWith: .success) {
      CInterceptionRecorder_watch(0, 0)
      let hammer = CInterceptionRecorder_start_hammering(4, 3_000)
      var installs = 0
      while CInterceptionRecorder_is_hammering(hammer) {
        install()
        CSyscallInterception_uninstall()
        installs += 1
      }
      #expect(CInterceptionRecorder_join(hammer) == 0)
      #expect(installs > 0)
      #expect(CInterceptionRecorder_questions() > 0)
      #expect(recorded() == [])
    }
  }

  /// One place for each way of writing: inside a word; across words; across cache lines; across pages.
  @Test func everyWayOfWriting() async {
    await #expect(processExitsWith: .success) {
      for offset in [64, 69, 71, 127, 4094, 4095] {
        let code = CInterceptionRecorder_make_code(offset)
        #expect(CInterceptionRecorder_exchange_under_fire(code, 3, 200) == 0, "offset \(offset)")
        #expect(CInterceptionRecorder_mixtures_seen(code, 2_000) == 0, "offset \(offset)")

        let pages = Pages(2)
        CInterceptionRecorder_watch(pages.range.lowerBound, pages.range.upperBound)
        #expect(CInterceptionRecorder_patch_code(code, false) == -EBUSY)
        #expect(CInterceptionRecorder_patch_code(code, true) == 0)
        #expect(CInterceptionRecorder_patch_code(code, true) == -EBUSY)
        #expect(CInterceptionRecorder_call_code(code, pages.base, Pages.size) == 0)
        let kind = CSyscallInterception_kind_munmap
        #expect(recorded() == [Seen(kind: kind, range: pages[0..<1])])
        #expect(CInterceptionRecorder_patch_code(code, false) == 0)
        #expect(CInterceptionRecorder_call_code(code, pages.base, pages.length) == 0)
        #expect(recorded().count == 1)
      }
    }
  }

  @Test func registersAndFlags() async {
    await #expect(processExitsWith: .success) {
      let code = CInterceptionRecorder_make_code(0)
      let carry: UInt64 = 0x1
      let sign: UInt64 = 0x80
      let overflow: UInt64 = 0x800
      let others: UInt64 = 0x54
      let allFlags = [0, carry, sign, overflow, others, carry | overflow, sign | others]
      func check(_ which: String) {
        for flags in allFlags {
          let clobbered = CInterceptionRecorder_clobbered(code, flags)
          #expect(clobbered == 0, "flags \(flags), \(which)")
        }
      }
      check("not patched")
      #expect(CInterceptionRecorder_patch_code(code, true) == 0)
      check("patched")
      WatchedTable().watch(all: 0)
      check("the look says no")
      WatchedTable().watch(all: 1)
      check("the look says that there may be something")
    }
  }
}
