import CWinsockDirect

extension WSPPROC_TABLE {
  /// The 17 functions that a SAN service provider has to have (C06); the others are NULL, because
  /// the switch does their work.
  static var memfdProvider: WSPPROC_TABLE {
    var table = WSPPROC_TABLE()
    table.lpWSPAccept = accept
    table.lpWSPBind = bind
    table.lpWSPCleanup = cleanup
    table.lpWSPCloseSocket = closeSocket
    table.lpWSPConnect = connect
    table.lpWSPDuplicateSocket = duplicateSocket
    table.lpWSPEnumNetworkEvents = enumNetworkEvents
    table.lpWSPEventSelect = eventSelect
    table.lpWSPGetOverlappedResult = getOverlappedResult
    table.lpWSPGetSockOpt = getSockOpt
    table.lpWSPGetQOSByName = getQOSByName
    table.lpWSPIoctl = ioctl
    table.lpWSPListen = listen
    table.lpWSPRecv = recv
    table.lpWSPSend = send
    table.lpWSPSetSockOpt = setSockOpt
    table.lpWSPSocket = makeSocket
    return table
  }
}
