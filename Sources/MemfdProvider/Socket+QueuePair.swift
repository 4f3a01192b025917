import CWinsockDirect
import Inspection
import MemfdNIC
import VirtualMemory

// What a socket hears from its queue pair. It runs on the adapter's engine threads: nothing here
// allocates, waits, or calls the application.

extension Socket {
  /// A queue pair that reports to this socket, which must outlive it: `close` ends the reports.
  func makeQueuePair(on adapter: Int) throws(MemfdNICError) -> QueuePair {
    try provider.adapters[adapter].makeQueuePair(handlers: makeHandlers())
  }

  /// The handlers for a queue pair of this socket; once, before the first request.
  func makeHandlers() -> QueuePairHandlers {
    requests.prepare()
    let socket = UnsafeUnownedSocket(self)
    return QueuePairHandlers(
      established: { socket.value.established() },
      failed: { socket.value.connectFailed($0) },
      completed: { socket.value.completed($0) },
      disconnected: { socket.value.disconnected($0) },
      peerMoved: { socket.value.peerMoved(to: $0) })
  }

  private struct UnsafeUnownedSocket: @unchecked Sendable {
    private let reference: Unmanaged<Socket>
    init(_ socket: Socket) { reference = .passUnretained(socket) }
    var value: Socket { reference.takeUnretainedValue() }
  }

  private func established() {
    let isMine = connection.withLock { connection in
      if connection.phase != .connecting { return false }
      connection.phase = .connected
      connection.isCounted = true
      provider.adapters.connectionOpened(connection.adapter)
      connection.events.connectError = 0
      if let queuePair = connection.queuePair {
        connection.local.port = queuePair.localPort
        connection.peerPID = queuePair.peerPID
      }
      publish(connection)
      appendEvent(.connected, connection)
      return true
    }
    if isMine { recordEvent(FD_CONNECT) }
  }

  private func connectFailed(_ error: MemfdNICError) {
    let number = connectError(error).number
    let isMine = connection.withLock { connection in
      if connection.phase != .connecting { return false }
      connection.phase = .bound
      connection.events.connectError = number
      publish(connection)
      return true
    }
    if isMine { recordEvent(FD_CONNECT) }
  }

  private func disconnected(_ error: MemfdNICError) {
    connection.withLock { connection in
      connection.failure = SocketsError(ended: error)
      // While it is still being accepted, the accepting thread looks at the failure.
      if connection.phase != .connected { return }
      connection.phase = .disconnected
      publish(connection)
      appendEvent(.disconnected, connection)
    }
  }

  private func peerMoved(to process: Int32) {
    connection.withLock { connection in
      connection.peerPID = process
      publish(connection)
    }
  }

  /// Adds a line about the connection to the process's events, with the lock.
  func appendEvent(_ kind: EventKind, _ connection: borrowing SocketConnection) {
    provider.publication.append(
      kind, status: connection.failure?.number ?? 0, provider: UInt32(provider.index),
      nic: connection.adapter < 0 ? .max : UInt32(connection.adapter), socket: UInt32(index))
  }

  /// Ends a request. The handles it used can be given back from before its end is to be seen.
  private func completed(_ completion: Completion) {
    let number = completion.context
    let request = requests.pending(number)
    releaseRegistrations(of: number, request)
    let error = completion.status.errorNumber
    let byteCount = completion.status == .aborted ? 0 : completion.byteCount
    if request.notifies {
      if requests.finish(number, error: error, byteCount: byteCount) {
        provider.completions.enqueue(self)
      }
    } else {
      requests.end(number)
      Overlapped(request.overlapped).finish(error: error, byteCount: byteCount)
    }
  }

  private func releaseRegistrations(of number: UInt64, _ request: Request) {
    let registrations = requests.registrations(of: number)
    for index in 0..<request.registrationCount {
      provider.registrations.record(registrations[index]).users.subtract(1)
    }
    let pending = request.isReceive ? record.pendingReceives : record.pendingSends
    pending.subtract(1)
  }
}
