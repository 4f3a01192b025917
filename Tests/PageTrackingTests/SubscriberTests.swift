import Glibc
import Synchronization
import Testing
import VirtualMemory

@testable import PageTracking

/// Coming and going of subscribers while changes are told.
struct SubscriberTests {
  private enum Shared {
    static let calls = Atomic<Int>(0)
    static let mayLeave = Atomic<Bool>(false)
    static let isRemoved = Atomic<Bool>(false)
    static let wasRemovedInside = Atomic<Bool>(false)
    static var callCount: Int { calls.load(ordering: .acquiring) }
    static var removed: Bool { isRemoved.load(ordering: .acquiring) }
    static var removedInside: Bool { wasRemovedInside.load(ordering: .acquiring) }
    nonisolated(unsafe) static var subscribers: Subscribers?
    nonisolated(unsafe) static var number = 0
  }

  private static let range = AddressRange(start: Page.size, end: 2 * Page.size)

  private static let handler: ChangeHandler = { _, _, _, _ in
    Shared.calls.wrappingAdd(1, ordering: .sequentiallyConsistent)
    while !Shared.mayLeave.load(ordering: .acquiring) { sched_yield() }
    if Shared.removed {
      Shared.wasRemovedInside.store(true, ordering: .releasing)
    }
  }

  private static func startThread(
    _ body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
  ) -> pthread_t {
    var thread = pthread_t()
    precondition(pthread_create(&thread, nil, body, nil) == 0)
    return thread
  }

  /// `remove` waits for a call that is inside, lets none in meanwhile, and returns after it.
  @Test func removingWaitsForWhoIsInside() async {
    await #expect(processExitsWith: .success) {
      let subscribers = try Subscribers()
      Shared.subscribers = subscribers
      Shared.number = try subscribers.add(Self.handler, context: nil)
      let caller = Self.startThread { _ in
        Shared.subscribers.unsafelyUnwrapped.call(SubscriberTests.range, kind: 1)
        return nil
      }
      while Shared.callCount == 0 { sched_yield() }
      let remover = Self.startThread { _ in
        Shared.subscribers.unsafelyUnwrapped.remove(Shared.number)
        Shared.isRemoved.store(true, ordering: .releasing)
        return nil
      }
      // The remover has begun when the mark is gone and only the one call inside is counted.
      while subscribers.word(Shared.number).load() != 1 { sched_yield() }
      subscribers.call(Self.range, kind: 1)
      #expect(Shared.callCount == 1, "nobody is let in any more")
      #expect(!Shared.removed)
      Shared.mayLeave.store(true, ordering: .releasing)
      pthread_join(caller, nil)
      pthread_join(remover, nil)
      #expect(Shared.removed)
      #expect(!Shared.removedInside)
      // The place is free again.
      Shared.calls.store(0, ordering: .releasing)
      #expect(try subscribers.add(Self.handler, context: nil) == Shared.number)
      subscribers.call(Self.range, kind: 1)
      #expect(Shared.callCount == 1)
    }
  }

  @Test func thereIsRoomForSoMany() async {
    await #expect(processExitsWith: .success) {
      let subscribers = try Subscribers()
      for _ in 0..<PageTrackingLimits.maximumSubscribers {
        _ = try subscribers.add(Self.handler, context: nil)
      }
      #expect(throws: PageTrackingError.exhausted) {
        try subscribers.add(Self.handler, context: nil)
      }
    }
  }
}
