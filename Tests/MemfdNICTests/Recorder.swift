import Glibc
import MemfdNIC
import VirtualMemory

/// Collects what the handlers of a queue pair, or a listener, are told; a test waits for it.
final class Recorder: @unchecked Sendable {
  struct Seen {
    var established = 0
    var failures: [MemfdNICError] = []
    var completions: [Completion] = []
    var disconnections: [MemfdNICError] = []
    var requests = 0
    var isClosed = false
    var callsAfterClose = 0
  }

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value = Seen()

  init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func note(_ change: (inout Seen) -> Void) {
    pthread_mutex_lock(mutex)
    if value.isClosed { value.callsAfterClose += 1 }
    change(&value)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  var seen: Seen {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return value
  }

  /// Waits until `isThere` holds, at most ten seconds; whether it does.
  func wait(until isThere: (Seen) -> Bool) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_REALTIME, &deadline)
    deadline.tv_sec += 10
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isThere(value) {
      if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
        return isThere(value)
      }
    }
    return true
  }

  var handlers: QueuePairHandlers {
    QueuePairHandlers(
      established: { self.note { $0.established += 1 } },
      failed: { error in self.note { $0.failures.append(error) } },
      completed: { completion in self.note { $0.completions.append(completion) } },
      disconnected: { error in self.note { $0.disconnections.append(error) } })
  }

  /// The status of each completion so far whose context is `context`.
  func statuses(_ context: UInt64) -> [CompletionStatus] {
    seen.completions.filter { $0.context == context }.map(\.status)
  }

  /// Waits for the completion with a context.
  func completion(_ context: UInt64) -> Completion? {
    _ = wait { $0.completions.contains { $0.context == context } }
    return seen.completions.first { $0.context == context }
  }
}
