import Glibc

/// A thread of the system's: what runs on it may block.
final class SystemThread {
  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  private var thread = pthread_t()

  init(_ body: sending @escaping () -> Void) {
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
