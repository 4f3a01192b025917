import CMemfdNIC
import Inspection
package import VirtualMemory

/// An adapter made of memfds: registrations, listeners and queue pairs at one address.
///
/// Any thread may call. Only `deregister` is for hook context.
package final class MemfdNIC: @unchecked Sendable {
  package let configuration: NICConfiguration
  /// Which of the process's adapters it is: its place among the published records.
  package let index: Int

  let resources: NICResources
  private let open = Lock(Open())

  private struct Open {
    var listeners: [Listener] = []
    var queuePairs: [QueuePair] = []
    /// Closed, but their peers are still inside mapped memory.
    var parked: [QueuePair] = []
  }

  /// Brings an adapter up.
  ///
  /// - Parameters:
  ///   - index: 0 ..< `Limits.maximumNICs`, another one for each adapter of the process.
  ///   - provider: The index of the provider that the adapter belongs to, for the records.
  ///   - pins: Where the pages of pinned backings are locked; nil where only mapped backings come.
  ///   - mode: nil: what PINDOWN_DMA says.
  ///
  /// Throws `invalidConfiguration` for a wrong PINDOWN_DMA, `exhausted`, `system`.
  package init(
    _ configuration: NICConfiguration, index: Int, provider: Int, pins: PinTable?,
    mode: DMAMode? = nil
  ) throws(MemfdNICError) {
    precondition((0..<Limits.maximumNICs).contains(index), "an adapter outside the table")
    self.configuration = configuration
    self.index = index
    let publication = try Self.publication()
    let record = publication.nic(index)
    let environmentMode = try DMAMode.fromEnvironment()
    resources = NICResources(
      protection: try ProtectionTable(), pins: pins, mode: mode ?? environmentMode,
      publication: publication, record: record, index: index)
    publication.update { Self.write(configuration, provider: provider, to: record) }
  }

  private static func publication() throws(MemfdNICError) -> Publication {
    do throws(InspectionError) {
      return try Publication.current()
    } catch {
      if case .system(let number) = error { throw .system(errno: number) }
      throw .exhausted
    }
  }

  private static func write(
    _ configuration: NICConfiguration, provider: Int, to record: NICRecord
  ) {
    record.address.store(configuration.address.rawValue)
    record.prefixLength.store(UInt32(configuration.prefixLength))
    record.provider.store(UInt32(provider))
    let name = UnsafeMutableRawBufferPointer(start: record.name, count: NICRecord.nameBytes)
    name.initializeMemory(as: UInt8.self, repeating: 0)
    name.copyBytes(from: configuration.name.utf8.prefix(NICRecord.nameBytes - 1))
    record.registrations.store(0)
    record.queuePairs.store(0)
    record.maximumRegistrations.store(UInt64(Limits.maximumRegistrations))
    record.maximumQueuePairs.store(UInt64(Limits.maximumQueuePairs))
    record.state.storeReleasing(1)
  }

  // MARK: Registrations

  /// Gives the adapter access to a range.
  ///
  /// Throws `exhausted`, and `unsealedMemory` where the memfd of a mapped backing could be shrunk
  /// under the hands of a peer or does not contain the range.
  package func register(
    _ range: AddressRange, backing: RegionBacking
  ) throws(MemfdNICError) -> RegistrationKey {
    switch backing {
    case .pinned:
      precondition(resources.pins != nil, "a pinned backing at an adapter without a pin table")
    case .mapped(_, let descriptor, let offset):
      let length = CMemfdNIC_sealed_length(descriptor)
      let (end, overflow) = offset.addingReportingOverflow(UInt64(range.length))
      if length < 0 || overflow || end > UInt64(length) { throw .unsealedMemory }
    }
    guard let key = resources.protection.register(range, backing: backing) else {
      throw .exhausted
    }
    resources.record.registrations.add(1)
    return key
  }

  /// Ends a registration: nothing can begin to use it, on any connection, and what is inside has
  /// left when this returns true.
  ///
  /// Safe in hook context.
  ///
  /// - Parameter deadline: CLOCK_MONOTONIC, nanoseconds.
  /// - Returns: False where a transfer was still inside at the deadline. The registration stays
  ///   closed, and the memory must not be given to anyone else; the call can be repeated.
  package func deregister(_ key: RegistrationKey, deadline: UInt64) -> Bool {
    if !resources.protection.deregister(key, deadline: deadline) { return false }
    resources.record.registrations.subtract(1)
    return true
  }

  // MARK: Connections

  /// Listens at a port of the adapter's address.
  ///
  /// Throws `addressInUse`, `exhausted`, `system`.
  ///
  /// - Parameters:
  ///   - port: 0: a free one is chosen.
  ///   - backlog: Requests that can wait to be taken; more are refused at once.
  ///   - requested: Called on the listener's thread for each request that `nextRequest` then gives.
  package func listen(
    port: UInt16, backlog: Int, requested: @escaping @Sendable () -> Void
  ) throws(MemfdNICError) -> Listener {
    let listener = try Listener(nic: self, port: port, backlog: backlog, requested: requested)
    open.withLock { $0.listeners.append(listener) }
    return listener
  }

  /// A queue pair, to connect or to accept with. The adapter keeps it until it is closed.
  ///
  /// Throws `exhausted`, `system`.
  package func makeQueuePair(handlers: QueuePairHandlers) throws(MemfdNICError) -> QueuePair {
    try keep(QueuePair(nic: self, handlers: handlers))
  }

  /// A queue pair that goes on with a connection of another process, or of this one. When it
  /// returns that process has let go of it, and the handlers are called.
  ///
  /// Throws `connectionReset` where the other process has gone, `exhausted`, `system`,
  /// `protocolViolation`; the connection is still the other process's then, if that lives.
  ///
  /// - Parameter willStart: Called once, before the first handler.
  package func makeQueuePair(
    continuing handover: consuming ConnectionHandover, handlers: QueuePairHandlers,
    willStart: (QueuePair) -> Void
  ) throws(MemfdNICError) -> QueuePair {
    let exposures = try ExposureTable(
      protection: resources.protection, connection: handover.message.connection,
      access: handover.takeAccess())
    let queuePair = try keep(QueuePair(nic: self, handlers: handlers, exposures: exposures))
    do throws(MemfdNICError) {
      try queuePair.resume(handover, willStart: willStart)
    } catch {
      queuePair.close()
      throw error
    }
    return queuePair
  }

  private func keep(_ queuePair: QueuePair) throws(MemfdNICError) -> QueuePair {
    reap()
    try open.withLock { (open) throws(MemfdNICError) in
      if open.queuePairs.count + open.parked.count >= Limits.maximumQueuePairs {
        throw .exhausted
      }
      open.queuePairs.append(queuePair)
    }
    resources.record.queuePairs.add(1)
    return queuePair
  }

  /// Closes every listener and queue pair. Registrations stay until they are deregistered.
  package func shutDown() {
    let (listeners, queuePairs) = open.withLock { ($0.listeners, $0.queuePairs) }
    for listener in listeners { listener.close() }
    for queuePair in queuePairs { queuePair.close() }
    reap()
    resources.record.state.store(0)
  }

  func forget(_ listener: Listener) {
    open.withLock { open in open.listeners.removeAll { $0 === listener } }
  }

  func forget(_ queuePair: QueuePair, isReleased: Bool) {
    open.withLock { open in
      open.queuePairs.removeAll { $0 === queuePair }
      if !isReleased { open.parked.append(queuePair) }
    }
    resources.record.queuePairs.subtract(1)
  }

  /// Lets go of closed queue pairs whose peers have left meanwhile.
  private func reap() {
    let parked = open.withLock { $0.parked }
    let released = parked.filter { $0.release(within: 0) }
    open.withLock { open in
      open.parked.removeAll { queuePair in released.contains { $0 === queuePair } }
    }
  }
}
