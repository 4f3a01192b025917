package import VirtualMemory

package final class MemfdNIC: @unchecked Sendable {
  package let configuration: NICConfiguration
  package let index: Int

  package init(
    _ configuration: NICConfiguration, index: Int, provider: Int, pins: PinTable?
  ) throws(MemfdNICError) { preconditionFailure() }

  package func register(
    _ range: AddressRange, backing: RegionBacking
  ) throws(MemfdNICError) -> RegistrationKey { preconditionFailure() }
  /// Hook-safe. `deadline`: CLOCK_MONOTONIC, nanoseconds.
  package func deregister(_ key: RegistrationKey, deadline: UInt64) -> Bool {
    preconditionFailure()
  }
  package func listen(
    port: UInt16, backlog: Int, requested: @escaping @Sendable () -> Void
  ) throws(MemfdNICError) -> Listener { preconditionFailure() }
  package func makeQueuePair(handlers: QueuePairHandlers) throws(MemfdNICError) -> QueuePair {
    preconditionFailure()
  }
  package func shutDown() { preconditionFailure() }
}
