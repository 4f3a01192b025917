/// What a queue pair calls when something has happened.
///
/// The handlers run on the queue pair's engine threads, one at a time for each of the two queues.
/// They must not allocate, wait for anything that another thread does, call the application, or
/// close a queue pair. They may post.
package struct QueuePairHandlers: Sendable {
  /// `connect` has succeeded. (Not called on the accepting side.)
  package var established: @Sendable () -> Void
  /// `connect` has failed.
  package var failed: @Sendable (MemfdNICError) -> Void
  /// A posted request has ended: called once for each.
  package var completed: @Sendable (Completion) -> Void
  /// The connection has ended otherwise than by `close`. What was pending has been completed.
  package var disconnected: @Sendable (MemfdNICError) -> Void
  /// The peer's end of the connection now belongs to the process with this number.
  package var peerMoved: @Sendable (Int32) -> Void

  package init(
    established: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (MemfdNICError) -> Void,
    completed: @escaping @Sendable (Completion) -> Void,
    disconnected: @escaping @Sendable (MemfdNICError) -> Void,
    peerMoved: @escaping @Sendable (Int32) -> Void = { _ in }
  ) {
    self.established = established
    self.failed = failed
    self.completed = completed
    self.disconnected = disconnected
    self.peerMoved = peerMoved
  }
}
