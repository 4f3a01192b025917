import TestSupport
import VirtualMemory

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
