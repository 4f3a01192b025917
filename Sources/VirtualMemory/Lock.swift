import Glibc

/// A mutual exclusion lock around a value, for code that never runs in hook context.
///
/// It is a `pthread_mutex_t`: quick under contention, and understood by ThreadSanitizer.
package final class Lock<Value: ~Copyable>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var contents: Contents

  /// Never of no bytes: the address of `Lock(())`'s value would be that of the object itself, which
  /// every thread reads without the mutex, and ThreadSanitizer would see a race.
  private struct Contents: ~Copyable {
    var value: Value
    let end: UInt8 = 0
  }

  package init(_ value: consuming sending Value) {
    mutex = .allocate(capacity: 1)
    precondition(pthread_mutex_init(mutex, nil) == 0, "a mutex could not be made")
    contents = Contents(value: value)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body` with the value, while no other thread can.
  package func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&contents.value)
  }
}
