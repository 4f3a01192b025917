import Glibc

/// How the process in the background tells how the mount went: the line `ready`, or the error.
struct BackgroundReport: Sendable {
  static let readyText = "ready"
  private let descriptor: Int32

  /// `descriptor` is not to be inherited by what libfuse starts: they would keep it open.
  init(descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  func ready() { send(Self.readyText) }

  func failed(_ reason: String) { send(reason) }

  private func send(_ text: String) {
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
    close(descriptor)
  }
}
