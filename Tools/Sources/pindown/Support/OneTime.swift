import Glibc

/// Something that is done once; whoever comes second waits until it is done.
final class OneTime: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var isDone = false

  init() {
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func callAsFunction(_ body: () -> Void) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if !isDone { body() }
    isDone = true
  }

  /// Runs `body` unless it has been done; it is not done meanwhile.
  func before(_ body: () throws -> Void) rethrows {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if !isDone { try body() }
  }
}
