import CLinuxMemory
import CWinsockDirect
import VirtualMemory

/// The functions of the switch that providers may call (spec section 2.3).
///
/// Sockets, completions and events are real; what belongs to Windows alone (messages, APCs, IFS
/// handles) answers WSAEOPNOTSUPP, never a null pointer.
enum Upcalls {
  /// The table that every provider is started with. It lives as long as the process, because a
  /// provider may keep the pointer.
  nonisolated(unsafe) static let table: UnsafeMutablePointer<WSPUPCALLTABLEEX> = {
    let table = UnsafeMutablePointer<WSPUPCALLTABLEEX>.allocate(capacity: 1)
    table.initialize(to: make())
    return table
  }()

  private static func make() -> WSPUPCALLTABLEEX {
    WSPUPCALLTABLEEX(
      lpWPUCloseEvent: closeEvent, lpWPUCloseSocketHandle: closeSocketHandle,
      lpWPUCreateEvent: createEvent, lpWPUCreateSocketHandle: createSocketHandle,
      lpWPUFDIsSet: { _, _ in 0 },
      lpWPUGetProviderPath: { _, _, _, error in Upcalls.refuse(error) },
      lpWPUModifyIFSHandle: { _, _, error in
        _ = Upcalls.refuse(error)
        return INVALID_SOCKET
      },
      lpWPUPostMessage: { _, _, _, _ in 0 },
      lpWPUQueryBlockingCallback: { _, _, _, error in Upcalls.refuse(error) },
      lpWPUQuerySocketHandleContext: querySocketHandleContext,
      lpWPUQueueApc: { _, _, _, error in Upcalls.refuse(error) }, lpWPUResetEvent: resetEvent,
      lpWPUSetEvent: setEvent, lpWPUOpenCurrentThread: { _, error in Upcalls.refuse(error) },
      lpWPUCloseThread: { _, error in Upcalls.refuse(error) },
      lpWPUCompleteOverlappedRequest: completeOverlappedRequest)
  }

  private static func refuse(_ error: LPINT?) -> Int32 {
    error?.pointee = WSAEOPNOTSUPP
    return SOCKET_ERROR
  }

  private static func answer(_ done: Bool, _ error: LPINT?, otherwise code: Int32) -> Int32 {
    error?.pointee = done ? 0 : code
    return done ? 0 : SOCKET_ERROR
  }

  // MARK: Sockets

  private static let createSocketHandle: LPWPUCREATESOCKETHANDLE = { _, context, error in
    let handle = SocketHandleTable.shared.make(context: context)
    error?.pointee = handle == nil ? WSAENOBUFS : 0
    return handle ?? INVALID_SOCKET
  }

  private static let closeSocketHandle: LPWPUCLOSESOCKETHANDLE = { handle, error in
    Upcalls.answer(SocketHandleTable.shared.close(handle), error, otherwise: WSAENOTSOCK)
  }

  private static let querySocketHandleContext: LPWPUQUERYSOCKETHANDLECONTEXT = {
    handle, context, error in
    let value = SocketHandleTable.shared.context(of: handle)
    if let value { context?.pointee = value }
    return Upcalls.answer(value != nil, error, otherwise: WSAENOTSOCK)
  }

  // MARK: Completions

  /// Stores the byte count, then ends the in-progress state, then wakes whoever waits: the
  /// request may be gone as soon as the state has changed (C65).
  private static let completeOverlappedRequest: LPWPUCOMPLETEOVERLAPPEDREQUEST = {
    handle, overlapped, status, byteCount, error in
    guard let overlapped, SocketHandleTable.shared.context(of: handle) != nil else {
      return Upcalls.answer(false, error, otherwise: WSAEINVAL)
    }
    Request(overlapped: overlapped).complete(status: status, byteCount: byteCount)
    return Upcalls.answer(true, error, otherwise: 0)
  }

  // MARK: Events

  private static func truth(_ done: Bool, _ error: LPINT?) -> BOOL {
    error?.pointee = done ? 0 : WSA_INVALID_HANDLE
    return done ? 1 : 0
  }

  private static let createEvent: LPWPUCREATEEVENT = { error in
    let event = EventTable.shared.make()
    error?.pointee = event == nil ? WSAENOBUFS : 0
    return event
  }

  private static let closeEvent: LPWPUCLOSEEVENT = { event, error in
    Upcalls.truth(EventTable.shared.close(event), error)
  }

  private static let setEvent: LPWPUSETEVENT = { event, error in
    Upcalls.truth(EventTable.shared.set(event), error)
  }

  private static let resetEvent: LPWPURESETEVENT = { event, error in
    Upcalls.truth(EventTable.shared.reset(event), error)
  }
}
