import Glibc

/// A thread of the system's.
final class WorkerThread: @unchecked Sendable {
  private let body: @Sendable () -> Void
  private var thread = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
    let error = pthread_create(
      &thread, nil,
      { context in
        if let context {
          Unmanaged<WorkerThread>.fromOpaque(context).takeUnretainedValue().body()
        }
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
    precondition(error == 0, "a thread could not be made")
  }

  func join() { pthread_join(thread, nil) }
}
