import Synchronization
import VirtualMemory

// Handing a connection over to another process, and going on with one (spec 5.9). PROTOCOL.md says
// in which order.

extension QueuePair {
  /// Stops working the connection, and offers it to the process `target`. Every pending receive
  /// completes with success and 0 bytes; messages that have arrived go with the connection. The
  /// queue pair is closed then.
  ///
  /// Throws, and nothing has changed: `notConnected`, `invalidState` while anything but receives is
  /// pending or memory is exposed, `connectionReset`, `noSuchProcess`, `exhausted`, `system`. Not from
  /// a handler.
  ///
  /// - Parameter endpoints: What the process is told of the connection's addresses.
  package func handOver(
    to target: Int32, endpoints: ConnectionEndpoints
  ) throws(MemfdNICError) -> HandoverOffer {
    let offer = try HandoverOffer(to: target)
    let suspended = try suspend(endpoints)
    try offer.start(suspended)
    return offer
  }

  private func suspend(
    _ endpoints: ConnectionEndpoints
  ) throws(MemfdNICError) -> SuspendedConnection {
    try closing.withLock { (_) throws(MemfdNICError) -> SuspendedConnection in
      let current = state.withLock { $0.isClosed ? nil : $0.engines }
      guard let engines = current else { throw .notConnected }
      if !receiveQueue.isAccepting || !sendQueue.isAccepting { throw .notConnected }
      if !sendQueue.isEmpty || !exposures.isEmpty { throw .invalidState }
      if !engines.suspend() { throw .connectionReset }
      state.withLock { state in
        state.isClosed = true
        state.engines = nil
      }
      nic.forget(self, isReleased: true)
      return SuspendedConnection(
        engines.connection, endpoints: endpoints, messages: try engines.saveMessages())
    }
  }

  /// Goes on with a connection that another process offers.
  func resume(
    _ handover: consuming ConnectionHandover, willStart: (QueuePair) -> Void
  ) throws(MemfdNICError) {
    let message = handover.message
    let connection = try Connection(
      handover.takeLinks(), nic: nic.resources, exposures: exposures, sendQueue: sendQueue,
      receiveQueue: receiveQueue, handlers: handlers, peerPID: message.peerPID)
    connection.setPeer(
      PeerIntroduction(
        process: 0, connection: message.peerConnection, access: try handover.takePeerAccess()))
    connection.acknowledgement.store(message.acknowledgement, ordering: .sequentiallyConsistent)
    let engines = try Engines(connection, nic: nic.resources, isEstablished: true)
    try engines.restoreMessages(handover.messages)
    try handover.take()
    connection.wasEstablished()
    state.withLock { state in
      state.engines = engines
      state.localPort = message.localPort
      state.peerPID = message.peerPID
    }
    willStart(self)
    do throws(MemfdNICError) {
      try engines.start()
    } catch {
      state.withLock { $0.engines = nil }
      throw error
    }
  }
}
