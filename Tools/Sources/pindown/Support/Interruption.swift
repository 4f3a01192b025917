import Glibc

/// What happens at Ctrl-C, and when somebody ends the process: it cleans up first.
enum Interruption {
  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  /// From here on `body` runs at such a signal, on a thread of its own, and then the process ends.
  /// To be called before there are other threads.
  static func cleanUp(_ body: @escaping @Sendable () -> Void) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    _ = SystemThread {
      var set = set
      var received: Int32 = 0
      while sigwait(&set, &received) != 0 {}
      body()
      _exit(128 + received)
    }
  }
}
