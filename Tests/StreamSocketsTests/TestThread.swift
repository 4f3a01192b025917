import Glibc
import VirtualMemory

/// A thread of the system: the calls of streams wait.
final class TestThread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private var thread = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) {
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    let error = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context)
    precondition(error == 0, "a thread could not be made")
  }

  func join() {
    pthread_join(thread, nil)
  }
}

/// Something that another thread does meanwhile, and what came of it.
final class Meanwhile<Value: Sendable>: Sendable {
  private final class Box: Sendable {
    let value = Lock<Result<Value, any Error>?>(nil)
  }

  private let box: Box
  nonisolated(unsafe) private let thread: TestThread

  init(_ body: @escaping @Sendable () throws -> Value) {
    let box = Box()
    self.box = box
    thread = TestThread {
      let result = Result { try body() }
      box.value.withLock { $0 = result }
    }
  }

  /// Waits for it.
  func result() throws -> Value {
    thread.join()
    guard let result = box.value.withLock({ $0 }) else { preconditionFailure("no result") }
    return try result.get()
  }
}
