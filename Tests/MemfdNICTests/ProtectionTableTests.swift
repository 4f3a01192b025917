import CLinuxMemory
import Glibc
import Synchronization
import Testing
import VirtualMemory

@testable import MemfdNIC

@Suite(.timeLimit(.minutes(2)))
struct ProtectionTableTests {
  static let range = AddressRange(start: 0x10000, end: 0x20000)
  static var soon: UInt64 { CLinuxMemory_monotonic() + 20_000_000 }
  static var later: UInt64 { CLinuxMemory_monotonic() + 10_000_000_000 }
  let backing = RegionBacking.mapped(alias: 0x50000, descriptor: 0, offset: 0)

  @Test func aKeyNamesOneRegistration() throws {
    let table = try ProtectionTable()
    let first = try #require(table.register(Self.range, backing: backing))
    let second = try #require(table.register(Self.range, backing: backing))
    #expect(first != second && first.rawValue != 0)
    #expect(table.registrationCount == 2)
    #expect(table.deregister(first, deadline: Self.soon))
    #expect(table.enter(first) == nil)
    #expect(!table.deregister(first, deadline: Self.soon))
    #expect(table.enter(second) != nil)
    table.leave(second)
    #expect(table.registrationCount == 1)
    #expect(table.enter(RegistrationKey(rawValue: 0)) == nil)
    #expect(table.enter(RegistrationKey(rawValue: 77)) == nil)
  }

  @Test func boundsAreChecked() throws {
    let table = try ProtectionTable()
    let key = try #require(table.register(Self.range, backing: backing))
    try table.check(Self.range, in: key)
    #expect(throws: MemfdNICError.outOfBounds) {
      try table.check(AddressRange(start: 0x10000, end: 0x20001), in: key)
    }
    #expect(throws: MemfdNICError.outOfBounds) {
      try table.check(AddressRange(start: 0xFFFF, end: 0x10000), in: key)
    }
    _ = table.deregister(key, deadline: Self.soon)
    #expect(throws: MemfdNICError.invalidKey) { try table.check(Self.range, in: key) }
  }

  @Test func aFullTableRefusesAndRecovers() throws {
    let table = try ProtectionTable()
    var keys: [RegistrationKey] = []
    while let key = table.register(Self.range, backing: backing) { keys.append(key) }
    keys.sort { $0.index < $1.index }
    #expect(keys.count == Limits.maximumRegistrations)
    #expect(Set(keys).count == keys.count)
    #expect(table.deregister(keys[5], deadline: Self.soon))
    let again = try #require(table.register(Self.range, backing: backing))
    #expect(again.index == keys[5].index && again != keys[5])
    #expect(table.register(Self.range, backing: backing) == nil)
  }

  @Test func somebodyInsideMakesItWaitUntilTheDeadlineOnly() throws {
    let table = try ProtectionTable()
    let key = try #require(table.register(Self.range, backing: backing))
    _ = try #require(table.enter(key))
    let before = CLinuxMemory_monotonic()
    #expect(!table.deregister(key, deadline: before + 20_000_000))
    #expect(CLinuxMemory_monotonic() - before >= 20_000_000)
    // Quarantined: nobody gets in, the entry is not given to anyone else.
    #expect(table.enter(key) == nil)
    #expect(table.registrationCount == 1)
    table.leave(key)
    #expect(table.deregister(key, deadline: Self.soon))
    #expect(table.registrationCount == 0)
  }

  /// Threads enter, work in the memory and leave, while one deregisters and then takes the memory
  /// away. Whoever is still inside then has seen it go.
  private func uses(
    afterTakingAway deregister: @escaping @Sendable (ProtectionTable, RegistrationKey) -> Void
  ) throws -> Int {
    let table = try ProtectionTable()
    let violations = Atomic<Int>(0)
    for round in 0..<300 {
      let key = try #require(table.register(Self.range, backing: backing))
      let isThere = Atomic<Bool>(true)
      let inside = Atomic<Int>(0)
      withThreads(3) { thread in
        if thread == 0 {
          // Only once somebody works in it.
          while inside.load(ordering: .acquiring) == 0 { sched_yield() }
          deregister(table, key)
          isThere.store(false, ordering: .sequentiallyConsistent)
          return
        }
        while table.enter(key) != nil {
          inside.wrappingAdd(1, ordering: .sequentiallyConsistent)
          for _ in 0..<(round % 7 + 1) {
            CLinuxMemory_relax()
            sched_yield()
            if !isThere.load(ordering: .sequentiallyConsistent) {
              violations.wrappingAdd(1, ordering: .relaxed)
            }
          }
          table.leave(key)
        }
      }
    }
    return violations.load(ordering: .relaxed)
  }

  @Test func nobodyIsInsideAfterwards() throws {
    let seen = try uses { table, key in
      #expect(table.deregister(key, deadline: Self.later))
    }
    #expect(seen == 0)
  }

  /// The counter-test: closing alone, without waiting for those inside, is noticed.
  @Test func withoutTheWaitSomebodyIs() throws {
    let seen = try uses { table, key in
      table.entryInside(key).gate.close(generation: key.generation)
    }
    #expect(seen > 0)
  }
}

/// Runs `body` on `count` threads at once and waits for them.
func withThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Work {
    let index: Int
    let body: @Sendable (Int) -> Void
    init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.index = index
      self.body = body
    }
  }
  var threads: [pthread_t] = []
  for index in 0..<count {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { context in
        let work = Unmanaged<Work>.fromOpaque(context!).takeRetainedValue()
        work.body(work.index)
        return nil
      }, Unmanaged.passRetained(Work(index, body)).toOpaque())
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
}
