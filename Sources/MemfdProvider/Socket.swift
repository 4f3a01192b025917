import CLinuxMemory
import CWinsockDirect
import Inspection
import MemfdNIC
import VirtualMemory

/// A socket of the provider.
///
/// Two locks, never held together: `connection` is also taken by the adapters' engine threads and
/// is held for a few steps only; `memory` is taken by callers of the SPI alone.
final class Socket: @unchecked Sendable {
  let provider: Provider
  /// Its entry in the socket table, and its published record.
  let index: Int
  /// What the switch calls it by.
  let descriptor: SOCKET
  /// What the upcalls call it by. Set before the socket is known to anybody.
  private(set) var switchHandle = INVALID_SOCKET
  let connection = Lock(SocketConnection())
  let memory = Lock(SocketMemory())
  let requests = Requests()
  /// Counts changes of `connection.phase`, for those who wait for one.
  private let changes: UnsafeMutablePointer<UInt32>

  init(_ provider: Provider, index: Int, descriptor: SOCKET) {
    self.provider = provider
    self.index = index
    self.descriptor = descriptor
    changes = .allocate(capacity: 1)
    changes.initialize(to: 0)
  }

  deinit {
    changes.deallocate()
  }

  /// A socket with a handle of the switch's (C20). Throws what the upcall answers (C21), or
  /// WSAEMFILE where there is no room for one more.
  static func make(_ provider: Provider) throws(SocketsError) -> Socket {
    guard let (index, descriptor) = provider.sockets.reserve() else {
      throw SocketsError(WSAEMFILE)
    }
    let socket = Socket(provider, index: index, descriptor: descriptor)
    var error: INT = 0
    socket.switchHandle = provider.upcalls.lpWPUCreateSocketHandle(
      0, DWORD_PTR(descriptor), &error)
    if socket.switchHandle == INVALID_SOCKET {
      provider.sockets.release(index: index)
      throw SocketsError(error == 0 ? WSAENOBUFS : error)
    }
    socket.publish(.created)
    provider.sockets.add(socket)
    return socket
  }

  var record: SocketRecord { provider.publication.socket(index) }

  /// Shows the state of a socket that nobody else changes.
  func publish(_ state: SocketState) {
    connection.withLock { connection in
      connection.phase = state
      publish(connection)
    }
  }

  /// Shows what has changed, with the lock.
  func publish(_ connection: borrowing SocketConnection) {
    provider.publication.update {
      record.provider.storeRelaxed(UInt32(provider.index))
      record.nic.storeRelaxed(connection.adapter < 0 ? .max : UInt32(connection.adapter))
      record.localAddress.storeRelaxed(connection.local.address.rawValue)
      record.localPort.storeRelaxed(UInt32(connection.local.port))
      record.remoteAddress.storeRelaxed(connection.remote.address.rawValue)
      record.remotePort.storeRelaxed(UInt32(connection.remote.port))
      record.peerPID.storeRelaxed(UInt32(bitPattern: connection.peerPID))
      record.state.storeReleasing(connection.phase.rawValue)
    }
    SharedHalfWord(changes).add(1)
    CLinuxMemory_futex_wake(changes, .max)
  }

  /// Waits until `condition` holds.
  func wait(until condition: (borrowing SocketConnection) -> Bool) {
    while true {
      let seen = SharedHalfWord(changes).load()
      if connection.withLock({ condition($0) }) { return }
      _ = CLinuxMemory_futex_wait(changes, seen, -1)
    }
  }

  /// The queue pair of a connected socket, and its adapter. Throws `.notConnected`, or why the
  /// connection is over.
  func connected() throws(SocketsError) -> (queuePair: QueuePair, adapter: Int) {
    try connection.withLock { (connection) throws(SocketsError) in
      switch connection.phase {
      case .connected:
        guard let queuePair = connection.queuePair else {
          preconditionFailure("a connected socket without a queue pair")
        }
        return (queuePair, connection.adapter)
      case .disconnected: throw connection.failure ?? SocketsError(WSAECONNRESET)
      case .closed, .free: throw .notSocket
      default: throw .notConnected
      }
    }
  }

  /// Notes down that an event has happened, and has it signalled. Any thread; no allocation.
  func recordEvent(_ event: LONG) {
    let due = connection.withLock { connection in
      connection.events.recorded |= event
      return connection.events.isDue
    }
    if due, requests.requestEvent() { provider.completions.enqueue(self) }
  }

  /// Signals the event object, if what happened has not been fetched meanwhile. With no lock held.
  func signalRecordedEvents() {
    let event = connection.withLock { connection in
      connection.events.isDue ? connection.events.event : nil
    }
    guard let event else { return }
    var error: INT = 0
    _ = provider.upcalls.lpWPUSetEvent(event, &error)
  }
}
