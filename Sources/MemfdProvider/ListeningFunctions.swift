import CWinsockDirect
import Inspection
import MemfdNIC
import VirtualMemory

/// WSPListen (C24, C27). A socket that is bound to the wildcard listens on every adapter.
func listen(_ s: SOCKET, _ backlog: INT, _ lpErrno: LPINT?) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let (adapter, port) = try socket.connection.withLock { (connection) throws(SocketsError) in
      switch connection.phase {
      case .bound: break
      case .connected, .disconnected, .connecting, .handedOver: throw SocketsError(WSAEISCONN)
      case .closed, .free: throw .notSocket
      case .created, .listening: throw .invalid
      }
      return (connection.adapter, connection.local.port)
    }
    let count = max(1, min(Int(backlog), ProviderLimits.maximumBacklog))
    let listeners: [AdapterListener]
    do throws(MemfdNICError) {
      listeners = try socket.openListeners(adapter: adapter, port: port, backlog: count)
    } catch {
      throw SocketsError(listening: error)
    }
    try socket.begin(listeners)
  }
}

extension Socket {
  fileprivate func openListeners(
    adapter: Int, port: UInt16, backlog: Int
  ) throws(MemfdNICError) -> [AdapterListener] {
    let adapters = adapter >= 0 ? adapter..<(adapter + 1) : 0..<provider.adapters.count
    var attempts = 0
    while true {
      var listeners: [AdapterListener] = []
      do throws(MemfdNICError) {
        for index in adapters {
          // Where no port was asked for, the first adapter chooses for all.
          let wanted = listeners.first?.listener.port ?? port
          let listener = try openListener(on: index, port: wanted, backlog: backlog)
          listeners.append(AdapterListener(adapter: index, listener: listener))
        }
        return listeners
      } catch {
        for entry in listeners { entry.listener.close() }
        attempts += 1
        let maybeAnother = port == 0 && error == .addressInUse && !listeners.isEmpty
        if !maybeAnother || attempts == Self.portAttempts { throw error }
      }
    }
  }

  /// How many chosen ports are tried before "in use on another adapter" is final.
  private static var portAttempts: Int { 16 }

  private func openListener(
    on adapter: Int, port: UInt16, backlog: Int
  ) throws(MemfdNICError) -> Listener {
    // A listener can outlive its socket by a moment.
    let reference = WeakSocket(self)
    return try provider.adapters[adapter].listen(port: port, backlog: backlog) {
      reference.value?.recordEvent(FD_ACCEPT)
    }
  }

  private struct WeakSocket: @unchecked Sendable {
    weak var value: Socket?
    init(_ socket: Socket) { value = socket }
  }

  fileprivate func begin(_ listeners: [AdapterListener]) throws(SocketsError) {
    let isOpen = connection.withLock { connection in
      if connection.phase != .bound { return false }
      connection.phase = .listening
      connection.listeners = listeners
      connection.local.port = listeners[0].listener.port
      publish(connection)
      appendEvent(.listening, connection)
      return true
    }
    if !isOpen {
      for entry in listeners { entry.listener.close() }
      throw .invalid
    }
  }
}
