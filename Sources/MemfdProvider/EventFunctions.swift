import CWinsockDirect
import Inspection
import VirtualMemory

// WSPEventSelect and WSPEnumNetworkEvents (C25, C30, C31).

func eventSelect(
  _ s: SOCKET, _ hEventObject: WSAEVENT?, _ lNetworkEvents: LONG, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    if lNetworkEvents & ~SocketEvents.supported != 0 { throw .invalid }
    if lNetworkEvents != 0 && hEventObject == nil { throw .invalid }
    socket.connection.withLock { connection in
      connection.events.event = lNetworkEvents == 0 ? nil : hEventObject
      connection.events.selected = lNetworkEvents
    }
    // What has happened before is signalled at once.
    socket.signalRecordedEvents()
  }
}

/// Resets the event object first: what happens after that is signalled again, what happened before
/// is taken.
func enumNetworkEvents(
  _ s: SOCKET, _ hEventObject: WSAEVENT?, _ lpNetworkEvents: LPWSANETWORKEVENTS?,
  _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let provider = try Provider.started()
    let socket = try provider.sockets.socket(s)
    let events = try CallerVariable<WSANETWORKEVENTS>(lpNetworkEvents)
    if let hEventObject {
      var error: INT = 0
      if provider.upcalls.lpWPUResetEvent(hEventObject, &error) == FALSE {
        throw SocketsError(error == 0 ? WSAEINVAL : error)
      }
    }
    try events.store(socket.connection.withLock { $0.events.take() })
  }
}
