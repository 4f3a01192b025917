package import VirtualMemory

package final class QueuePair: @unchecked Sendable {
  init() { preconditionFailure() }
  /// Starts to connect. What is known at once is thrown (`noListener`, `connectionRefused`,
  /// `addressInUse`, `invalidState`); otherwise `established` or `failed` follows. localPort 0:
  /// a free one is chosen.
  package func connect(
    to address: IPv4Address, port: UInt16, localPort: UInt16
  ) throws(MemfdNICError) { preconditionFailure() }
  package var localPort: UInt16 { preconditionFailure() }

  /// May be called before the connection is established.
  package func postReceive(
    _ segments: UnsafeBufferPointer<LocalSegment>, context: UInt64
  ) throws(MemfdNICError) { preconditionFailure() }
  package func postSend(
    _ segments: UnsafeBufferPointer<LocalSegment>, context: UInt64
  ) throws(MemfdNICError) { preconditionFailure() }
  package func postWrite(
    _ segments: UnsafeBufferPointer<LocalSegment>, remote: RemoteDescriptor, offset: UInt64,
    context: UInt64
  ) throws(MemfdNICError) { preconditionFailure() }
  package func postRead(
    _ segments: UnsafeBufferPointer<LocalSegment>, remote: RemoteDescriptor, offset: UInt64,
    context: UInt64
  ) throws(MemfdNICError) { preconditionFailure() }
  package func expose(
    _ range: AddressRange, key: RegistrationKey, access: MemoryAccess
  ) throws(MemfdNICError) -> RemoteDescriptor { preconditionFailure() }
  package func conceal(_ descriptor: RemoteDescriptor) throws(MemfdNICError) {
    preconditionFailure()
  }
  /// Completes everything pending with `.aborted`, then returns; no handler is called afterwards.
  /// Idempotent. Not from a handler.
  package func close() { preconditionFailure() }
}
