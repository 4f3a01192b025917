import Glibc
import Synchronization
import Testing
import VirtualMemory

@testable import PageTracking

/// Readers of the set while its writer changes everything around what they look for.
@Suite struct PageSetRaceTests {
  private final class Shared: @unchecked Sendable {
    let set: PageSet
    let isOver = Atomic<Bool>(false)
    let missed = Atomic<Int>(0)
    let asked = Atomic<Int>(0)

    init() throws { set = try PageSet() }
  }

  /// Every so many pages stay, over parts of three top entries.
  private static let stride: UInt = 97
  private static let span: UInt = 20_000

  private static func page(_ number: UInt) -> AddressRange {
    AddressRange(start: number * Page.size, end: (number + 1) * Page.size)
  }

  private static func read(_ shared: Shared) {
    while !shared.isOver.load(ordering: .relaxed) {
      for number in Swift.stride(from: 0, to: span, by: UInt.Stride(stride)) {
        let first = max(number, 3) - 3
        let around = AddressRange(start: first * Page.size, end: (number + 3) * Page.size)
        if !shared.set.hasMember(in: page(number)) || !shared.set.hasMember(in: around) {
          shared.missed.wrappingAdd(1, ordering: .relaxed)
        }
      }
      shared.asked.wrappingAdd(1, ordering: .relaxed)
    }
  }

  private static func startReader(of shared: Shared) -> pthread_t {
    var reader = pthread_t()
    let error = pthread_create(
      &reader, nil,
      { argument in
        let shared = Unmanaged<Shared>.fromOpaque(argument.unsafelyUnwrapped)
        PageSetRaceTests.read(shared.takeRetainedValue())
        return nil
      }, Unmanaged.passRetained(shared).toOpaque())
    precondition(error == 0)
    return reader
  }

  /// Runs the writer until a reader has looked often enough; says how often it missed a page.
  private static func missed(_ change: (PageSet, UInt) -> Void) throws -> Int {
    let shared = try Shared()
    for number in Swift.stride(from: 0, to: span, by: UInt.Stride(stride)) {
      shared.set.insert(page(number))
    }
    let reader = startReader(of: shared)
    var generator = SeededGenerator(seed: 11)
    while shared.asked.load(ordering: .relaxed) < 300 {
      for _ in 0..<100 { change(shared.set, UInt.random(in: 0..<span, using: &generator)) }
    }
    shared.isOver.store(true, ordering: .relaxed)
    pthread_join(reader, nil)
    return shared.missed.load(ordering: .relaxed)
  }

  /// Everything between two pages that stay: units come and go, as runs and holes do.
  @Test func whatStaysIsAlwaysSeen() throws {
    let missed = try Self.missed { set, number in
      let first = number / Self.stride * Self.stride
      let start = min(number, first + Self.stride - 1)
      if start == first { return }
      let range = AddressRange(
        start: start * Page.size, end: (first + Self.stride) * Page.size)
      if number % 3 == 0 { set.insert(range) } else { set.remove(range) }
      // Far away, where units are taken and given back.
      let far = Self.page(Self.span * 4 + number * 50)
      if number % 2 == 0 { set.insert(far) } else { set.remove(far) }
    }
    #expect(missed == 0)
  }

  /// The check itself sees a page that is out for a moment.
  @Test func aPageThatLeavesIsMissed() throws {
    let missed = try Self.missed { set, number in
      let range = Self.page(number / Self.stride * Self.stride)
      set.remove(range)
      set.insert(range)
    }
    #expect(missed > 0)
  }
}
