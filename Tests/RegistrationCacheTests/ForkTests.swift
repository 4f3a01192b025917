import CInterceptionRecorder
import Glibc
import Inspection
import Synchronization
import Testing
import VirtualMemory

@testable import RegistrationCache

/// A fork between lookup and use: the child owns nothing, and the parent keeps what it has.
struct ForkTests {
  private static let fork = 57

  /// What the child does with what it remembers of its parent: a status for `_exit`.
  private static func child(
    _ cache: RegistrationCache, _ reference: RegionReference, _ memory: TestMemory
  ) -> Int32 {
    memset(memory.base, 2, Int(memory.range.length))
    if cache.key(reference, adapter: 0) != nil { return 1 }
    cache.release(reference)
    do {
      _ = try cache.register(memory.range, access: .read, adapter: 0)
      return 2
    } catch {
      if error != .unavailable { return 3 }
    }
    if cache.invalidate(memory.range) != .notCached { return 4 }
    cache.flush()
    cache.shutDown()
    // And it may begin anew.
    let adapters = FakeAdapters()
    do {
      let own = try RegistrationCache(
        providerName: "child", adapters: adapters.operations, pins: try PinTable())
      let again = try own.register(memory.range, access: .read, adapter: 0)
      if own.key(again, adapter: 0) == nil { return 5 }
      own.release(again)
      own.shutDown()
    } catch {
      return 6
    }
    return adapters.registered.load(ordering: .relaxed) == 0 ? 0 : 7
  }

  private static func frames(_ memory: TestMemory) -> [UInt64] {
    var frames = [UInt64](repeating: 0, count: memory.pages)
    guard let pageFrames = try? PageFrames() else { return frames }
    _ = frames.withUnsafeMutableBufferPointer { pageFrames.read(memory.range, into: $0) }
    return frames
  }

  @Test func aForkBetweenLookupAndUse() async {
    await #expect(processExitsWith: .success) {
      let adapters = FakeAdapters()
      let cache = try RegistrationCache(
        providerName: "test", adapters: adapters.operations, pins: try PinTable())
      let memory = try TestMemory(pages: 4)
      memset(memory.base, 1, Int(memory.range.length))
      let reference = try cache.register(memory.range, access: .readWrite, adapter: 0)
      let before = Self.frames(memory)
      let child = CInterceptionRecorder_syscall(Self.fork, 0, 0, 0, 0, 0, 0)
      if child == 0 { _exit(Self.child(cache, reference, memory)) }
      memset(memory.base, 3, Int(memory.range.length))
      var status: Int32 = -1
      #expect(waitpid(pid_t(child), &status, 0) == pid_t(child))
      #expect(status == 0, "the child found \(status >> 8)")
      memset(memory.base, 4, Int(memory.range.length))
      // Whoever wrote first, the pinned pages are still the parent's.
      #expect(Self.frames(memory) == before)
      #expect(cache.key(reference, adapter: 0) != nil)
      cache.release(reference)
      cache.flush()
      #expect(cache.record.regions.load() == 0)
    }
  }
}
