import CWinsockDirect

/// A send, receive, RDMA write or RDMA read that was started.
///
/// The buffers belong to the adapter until it has completed, whether or not somebody waits; after
/// a time-out, closing the socket is what ends it.
public final class Transfer: Sendable {
  private let request: Request
  private let operation: SwitchError.Operation

  init(_ request: Request, _ operation: SwitchError.Operation) {
    self.request = request
    self.operation = operation
  }

  deinit {
    RequestPool.abandon(request)
  }

  /// Whether it has completed, well or not.
  public var isComplete: Bool { request.isComplete }

  /// Waits until it has completed; returns the bytes transferred.
  ///
  /// Throws `.timedOut` where it has not by then, `.refused` with the error number where it failed.
  /// Any thread.
  @discardableResult
  public func wait(within timeout: Duration) throws(SwitchError) -> Int {
    try wait(until: Deadline(after: timeout))
  }

  /// The same until a moment.
  @discardableResult
  package func wait(until deadline: Deadline) throws(SwitchError) -> Int {
    if !request.wait(until: deadline) { throw .timedOut(operation: operation) }
    let (status, byteCount) = request.result
    if status != 0 { throw .refused(operation: operation, code: status) }
    return byteCount
  }
}
