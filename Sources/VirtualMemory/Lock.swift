import Glibc

/// A mutual exclusion lock around a value, for code that never runs in hook context.
///
/// It is a `pthread_mutex_t`: quick under contention, and understood by ThreadSanitizer.
package final class Lock<Value: ~Copyable>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value
  /// Keeps a value of no bytes, as of `Lock(())`, inside the object: its address would be that of
  /// the next one, which other threads change.
  private let end: UInt8 = 0

  package init(_ value: consuming sending Value) {
    mutex = .allocate(capacity: 1)
    precondition(pthread_mutex_init(mutex, nil) == 0, "a mutex could not be made")
    self.value = value
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
    return try body(&value)
  }
}
