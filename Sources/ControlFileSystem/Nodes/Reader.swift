/// Who asks: the user and the thread on whose behalf the kernel sends a request.
package struct Reader: Hashable, Sendable {
  package var user: UInt32
  package var thread: Int32

  package init(user: UInt32, thread: Int32) {
    self.user = user
    self.thread = thread
  }

  /// Whether the kernel shows to this reader what it shows to privileged ones only.
  package var isPrivileged: Bool { user == 0 }
}
