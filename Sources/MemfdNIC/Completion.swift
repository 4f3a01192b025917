/// The end of a posted request.
@frozen
package struct Completion: Sendable {
  /// What the request was posted with.
  package let context: UInt64
  package let status: CompletionStatus
  /// Bytes transferred; 0 unless the status is `success` or `messageTooLong`.
  package let byteCount: UInt32

  @inlinable
  package init(context: UInt64, status: CompletionStatus, byteCount: UInt32) {
    self.context = context
    self.status = status
    self.byteCount = byteCount
  }
}
