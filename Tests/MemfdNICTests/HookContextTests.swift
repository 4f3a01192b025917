import CAllocationCounter
import CLinuxMemory
import Glibc
import MemfdNIC
import Testing
import VirtualMemory

/// What a mapping change calls allocates nothing, whatever it meets.
@Suite(.serialized, .timeLimit(.minutes(1)), .enabled(if: CAllocationCounter_available))
struct HookContextTests {
  @Test(arguments: Kind.allCases)
  func deregisteringAllocatesNothing(_ kind: Kind) throws {
    let pair = try Pair()
    let buffer = try pair.buffer(kind, bytes: 65_536, at: pair.far)
    for _ in 0..<3 {
      _ = try pair.farEnd.expose(buffer.range, key: buffer.key, access: .readWrite)
    }
    let deadline = CLinuxMemory_monotonic() + 1_000_000_000
    CAllocationCounter_begin()
    let isFirst = pair.far.deregister(buffer.key, deadline: deadline)
    let isSecond = pair.far.deregister(buffer.key, deadline: deadline)
    #expect(CAllocationCounter_end() == 0)
    #expect(isFirst && !isSecond)
  }

  /// The counter-test: an allocation would be seen.
  @Test func anAllocationIsCounted() {
    CAllocationCounter_begin()
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16)
    let count = CAllocationCounter_end()
    memory.deallocate()
    #expect(count > 0)
  }
}
