import Glibc
import Synchronization
import Testing

@testable import VirtualMemory

/// The lock of the hook context under contention.
struct HookSafeLockTests {
  /// What the threads share: the lock, a number that only the lock guards, and who is inside.
  private final class Shared: @unchecked Sendable {
    static let lockBytes = 64
    let memory: UnsafeMutableRawPointer
    let lock: HookSafeLock
    var guarded = 0
    let inside = Atomic<Int>(0)
    let intrusions = Atomic<Int>(0)
    /// False for the counter-test.
    let locks: Bool

    init(locks: Bool = true) {
      memory = .allocate(byteCount: Self.lockBytes, alignment: Self.lockBytes)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.lockBytes)
      lock = HookSafeLock(at: memory)
      self.locks = locks
    }

    deinit {
      memory.deallocate()
    }

    var word: UInt32 { SharedHalfWord(memory).load() }

    func enter(yielding: Bool) {
      if locks {
        lock.withLock { visit(yielding: yielding) }
      } else {
        visit(yielding: yielding)
      }
    }

    private func visit(yielding: Bool) {
      if inside.wrappingAdd(1, ordering: .relaxed).oldValue != 0 {
        intrusions.wrappingAdd(1, ordering: .relaxed)
      }
      if locks { guarded += 1 }
      // Long enough for others to find the lock taken, and to go to sleep.
      if yielding { sched_yield() }
      inside.wrappingSubtract(1, ordering: .relaxed)
    }
  }

  private static let threads = 4
  private static let rounds = 5_000

  /// Runs the threads until all have gone in and out so often: with a lost wake-up they never do.
  private static func contend(_ shared: Shared) {
    let threads = (0..<Self.threads).map { _ in
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(shared).toOpaque()
      let error = pthread_create(
        &thread, nil,
        { argument in
          let shared = Unmanaged<Shared>.fromOpaque(argument.unsafelyUnwrapped).takeRetainedValue()
          for round in 0..<HookSafeLockTests.rounds { shared.enter(yielding: round % 8 == 0) }
          return nil
        }, argument)
      precondition(error == 0)
      return thread
    }
    for thread in threads { pthread_join(thread, nil) }
  }

  @Test func oneThreadAtATimeAndNoneForgotten() {
    let shared = Shared()
    Self.contend(shared)
    #expect(shared.guarded == Self.threads * Self.rounds)
    #expect(shared.intrusions.load(ordering: .relaxed) == 0)
    #expect(shared.word == 0, "free in the end")
  }

  @Test func withoutTheLockThreadsMeet() {
    var meetings = 0
    for _ in 0..<50 where meetings == 0 {
      let shared = Shared(locks: false)
      Self.contend(shared)
      meetings = shared.intrusions.load(ordering: .relaxed)
    }
    #expect(meetings > 0)
  }

  @Test func resultsErrorsAndSignalsComeThrough() {
    struct Refused: Error {}
    let shared = Shared()
    var before = sigset_t()
    var within = sigset_t()
    var after = sigset_t()
    pthread_sigmask(SIG_SETMASK, nil, &before)
    #expect(throws: Refused.self) {
      try shared.lock.withLock { () throws(Refused) -> Void in
        pthread_sigmask(SIG_SETMASK, nil, &within)
        throw Refused()
      }
    }
    pthread_sigmask(SIG_SETMASK, nil, &after)
    #expect(sigismember(&within, SIGUSR1) == 1)
    #expect(sigismember(&after, SIGUSR1) == sigismember(&before, SIGUSR1))
    #expect(shared.word == 0)
    #expect(shared.lock.withLock { 42 } == 42)
  }
}
