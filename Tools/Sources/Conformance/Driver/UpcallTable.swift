import CWinsockDirect

/// The 16 upcalls with which a provider is started (spec section 2.3): all of them can be called.
enum UpcallTable {
  /// It lives as long as the process, because a provider may keep the pointer.
  nonisolated(unsafe) static let pointer: UnsafeMutablePointer<WSPUPCALLTABLEEX> = {
    let table = UnsafeMutablePointer<WSPUPCALLTABLEEX>.allocate(capacity: 1)
    table.initialize(to: make())
    return table
  }()

  private static func make() -> WSPUPCALLTABLEEX {
    WSPUPCALLTABLEEX(
      lpWPUCloseEvent: { UpcallRecorder.shared.change($0, to: nil, $1) },
      lpWPUCloseSocketHandle: { UpcallRecorder.shared.close($0, $1) },
      lpWPUCreateEvent: { UpcallRecorder.shared.createEvent($0) },
      lpWPUCreateSocketHandle: { _, context, error in
        UpcallRecorder.shared.create(context, error)
      },
      lpWPUFDIsSet: { _, _ in 0 },
      lpWPUGetProviderPath: { _, _, _, error in UpcallTable.refuse(error) },
      lpWPUModifyIFSHandle: { _, _, error in
        _ = UpcallTable.refuse(error)
        return INVALID_SOCKET
      },
      lpWPUPostMessage: { _, _, _, _ in 0 },
      lpWPUQueryBlockingCallback: { _, _, _, error in UpcallTable.refuse(error) },
      lpWPUQuerySocketHandleContext: { UpcallRecorder.shared.context(of: $0, $1, $2) },
      lpWPUQueueApc: { _, _, _, error in UpcallTable.refuse(error) },
      lpWPUResetEvent: { UpcallRecorder.shared.change($0, to: false, $1) },
      lpWPUSetEvent: { UpcallRecorder.shared.change($0, to: true, $1) },
      lpWPUOpenCurrentThread: { _, error in UpcallTable.refuse(error) },
      lpWPUCloseThread: { _, error in UpcallTable.refuse(error) },
      lpWPUCompleteOverlappedRequest: { UpcallRecorder.shared.complete($0, $1, $2, $3, $4) })
  }

  private static func refuse(_ error: LPINT?) -> INT {
    error?.pointee = WSAEOPNOTSUPP
    return SOCKET_ERROR
  }
}
