import Dispatch
import Synchronization
import Testing
import VirtualMemory

@Suite struct PageTableTests {
  private func pages(_ first: UInt, _ count: UInt) -> AddressRange {
    AddressRange(start: first * Page.size, end: (first + count) * Page.size)
  }

  @Test func valuesAreWhereTheyWereSet() throws {
    let table = try PageTable()
    let gibibyte: UInt = 1 << 18
    // Across a block of 512 pages, and across the first GiB.
    for range in [pages(510, 4), pages(gibibyte - 1, 2)] {
      try table.prepare(range)
      table.set(range, to: 7)
      #expect(table.value(at: range.start) == 7)
      #expect(table.value(at: range.end - 1) == 7)
      #expect(table.value(at: range.start - 1) == 0)
      #expect(table.value(at: range.end) == 0)
      #expect(table.firstValue(in: pages(0, 1 << 30)) == range.start)
      table.set(range, to: 0)
      #expect(table.firstValue(in: pages(0, 1 << 30)) == nil)
    }
  }

  /// Against a dictionary, with random sets and searches.
  @Test func behavesLikeADictionary() throws {
    let table = try PageTable()
    try table.prepare(pages(0, 4096))
    var model: [UInt: UInt32] = [:]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let first = UInt.random(in: 0..<4000, using: &generator)
      let range = pages(first, UInt.random(in: 1...90, using: &generator))
      let value = UInt32.random(in: 0...2, using: &generator)
      table.set(range, to: value)
      for page in first..<(first + range.pageCount) { model[page] = value == 0 ? nil : value }
      let from = UInt.random(in: 0..<4000, using: &generator)
      let to = from + UInt.random(in: 0...90, using: &generator)
      let expected = (from..<to).first { model[$0] != nil }.map { $0 * Page.size }
      #expect(table.firstValue(in: pages(from, to - from)) == expected)
    }
  }

  /// Threads that prepare the same leaves at once, write under a lock, and look without one. Each has
  /// pages of its own, across two GiB, so what it finds is what it wrote.
  @Test func threadsPrepareWriteAndLook() throws {
    let table = try PageTable()
    let lock = Lock(())
    let wrong = Atomic<Int>(0)
    let gibibyte: UInt = 1 << 18
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      let value = UInt32(thread + 1)
      for round in 1...64 as ClosedRange<UInt> {
        let range = pages(round * gibibyte - 32 + UInt(thread) * 16, 15)
        do {
          try table.prepare(range)
        } catch {
          wrong.wrappingAdd(1, ordering: .relaxed)
          return
        }
        lock.withLock { (_) in table.set(range, to: value) }
        let isSet = table.value(at: range.start) == value && table.value(at: range.end - 1) == value
        let isFound = table.firstValue(in: range) == range.start
        lock.withLock { (_) in table.set(range, to: 0) }
        let isCleared = table.firstValue(in: range) == nil
        if !isSet || !isFound || !isCleared { wrong.wrappingAdd(1, ordering: .relaxed) }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(table.firstValue(in: pages(0, 1 << 30)) == nil)
  }

  /// A writer that has not prepared is stopped.
  @Test func whatWasNotPreparedIsNotWritten() async {
    await #expect(processExitsWith: .failure) {
      let table = try PageTable()
      table.set(AddressRange(start: Page.size, end: 2 * Page.size), to: 1)
    }
  }

  @Test func addressesBeyondTheTableHaveNoValue() throws {
    let table = try PageTable()
    #expect(table.value(at: .max) == 0)
    #expect(table.firstValue(in: AddressRange(start: PageTable.addressLimit, end: .max)) == nil)
  }
}
