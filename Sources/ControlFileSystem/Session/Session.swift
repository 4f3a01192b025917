import CFuse
import Glibc

/// A mounted tree, from the mount to the unmount.
final class Session: @unchecked Sendable {
  let server = NodeServer()
  let waiters = PollWaiters()
  private var session: OpaquePointer?
  private let ready: @Sendable () -> Void

  /// Mounts on a folder that was checked.
  ///
  /// - Parameter ready: called once, on a thread of libfuse, when the kernel has been answered.
  /// Throws the error number that the mount gave.
  init(
    directory: String, options: MountOptions, ready: @escaping @Sendable () -> Void
  ) throws(MountError) {
    self.ready = ready
    Messages.collect()
    let attempts = options.attempts
    for (index, text) in attempts.enumerated() {
      if start(directory, options: text) { return }
      if index == attempts.count - 1 { break }
      // Without fusermount3 the automatic unmount cannot be had; then without it.
      Messages.forget()
    }
    throw .failed(directory: directory, reason: Messages.last ?? "libfuse could not mount")
  }

  private func start(_ directory: String, options: String) -> Bool {
    var operations = Operations.table()
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("pindown"), strdup("-o"), strdup(options)]
    defer { for word in words { free(word) } }
    let made = words.withUnsafeMutableBufferPointer { words in
      var arguments = fuse_args(
        argc: Int32(words.count), argv: words.baseAddress, allocated: 0)
      let made = CFuse_session_new(
        &arguments, &operations, Unmanaged.passUnretained(self).toOpaque())
      fuse_opt_free_args(&arguments)
      return made
    }
    guard let made else { return false }
    if fuse_session_mount(made, directory) != 0 {
      fuse_session_destroy(made)
      return false
    }
    session = made
    return true
  }

  /// libfuse has answered the kernel's first request.
  func began() {
    ready()
  }

  /// Serves until somebody unmounts the folder, or SIGTERM, SIGINT or SIGHUP comes.
  func serve() {
    guard let session else { preconditionFailure("a session that was never mounted") }
    startNotifier()
    fuse_set_signal_handlers(session)
    unblockSignals()
    _ = CFuse_session_loop(session, Limits.idleThreads, Limits.threads)
    fuse_remove_signal_handlers(session)
    fuse_session_unmount(session)
  }

  /// Who started us may have blocked them; that is inherited.
  private func unblockSignals() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGHUP, SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// The thread lives as long as the process. Signals are for the thread that serves: only there
  /// do they end the wait.
  private func startNotifier() {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let session = Unmanaged<Session>.fromOpaque(argument).takeRetainedValue()
        session.waiters.serve(session.server)
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    precondition(result == 0, "no thread could be made")
    pthread_detach(thread)
  }
}
