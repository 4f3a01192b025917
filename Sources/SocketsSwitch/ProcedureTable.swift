import CWinsockDirect

/// What is asked of the table that WSPStartupEx fills.
enum ProcedureTable {
  /// The name of a function that every provider has and this one lacks; nil where none is missing
  /// (spec section 5.10 lists those that may be).
  static func firstMissing(in table: WSPPROC_TABLE) -> String? {
    let required: [(String, Bool)] = [
      ("WSPAccept", table.lpWSPAccept != nil), ("WSPBind", table.lpWSPBind != nil),
      ("WSPCleanup", table.lpWSPCleanup != nil),
      ("WSPCloseSocket", table.lpWSPCloseSocket != nil),
      ("WSPConnect", table.lpWSPConnect != nil),
      ("WSPDuplicateSocket", table.lpWSPDuplicateSocket != nil),
      ("WSPEnumNetworkEvents", table.lpWSPEnumNetworkEvents != nil),
      ("WSPEventSelect", table.lpWSPEventSelect != nil),
      ("WSPGetOverlappedResult", table.lpWSPGetOverlappedResult != nil),
      ("WSPGetQOSByName", table.lpWSPGetQOSByName != nil),
      ("WSPGetSockOpt", table.lpWSPGetSockOpt != nil), ("WSPIoctl", table.lpWSPIoctl != nil),
      ("WSPListen", table.lpWSPListen != nil), ("WSPRecv", table.lpWSPRecv != nil),
      ("WSPSend", table.lpWSPSend != nil), ("WSPSetSockOpt", table.lpWSPSetSockOpt != nil),
      ("WSPSocket", table.lpWSPSocket != nil),
    ]
    return required.first { !$0.1 }?.0
  }
}
