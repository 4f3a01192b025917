import CWinsockDirect

// Section 10.2, the first half: start-up and cleanup.
extension Catalog {
  static let startUp: [Assertion] = [
    Assertion(
      6, .must, "WSPStartupEx(2.2) answers 2.2, a description and the 17 functions", seconds: 6
    ) {
      session throws(Failure) in try answers(session)
    },
    Assertion(
      7, .must, "a version below 2.2 gives WSAVERNOTSUPPORTED, and 2.2 works afterwards", seconds: 6
    ) {
      session throws(Failure) in try oldVersions(session)
    },
    Assertion(
      8, .must, "a NULL lpWSPData or lpProcTable gives WSAEFAULT; a start works afterwards",
      seconds: 6
    ) {
      session throws(Failure) in try nullArguments(session)
    },
    Assertion(9, .must, "as many cleanups as starts; one more gives WSANOTINITIALISED", seconds: 6)
    {
      session throws(Failure) in try countedStarts(session)
    },
    Assertion(10, .must, "the last cleanup completes each pending request once, as aborted") {
      session throws(Failure) in try cleanupAborts(session)
    },
    Assertion(11, .must, "upcalls go through the table that was passed at start-up") {
      session throws(Failure) in try ownTable(session)
    },
  ]

  private static func answers(_ session: Session) throws(Failure) {
    _ = try session.here()
    let data = session.provider.data
    try expect(data.wVersion == 0x0202, "wVersion 2.2", "\(data.wVersion)")
    let units = withUnsafeBytes(of: data.szDescription) { bytes in
      Array(bytes.bindMemory(to: UInt16.self))
    }
    try expect(units.contains(0), "a description that ends with NUL", "none of 256 units is 0")
    let missing = withUnsafeBytes(of: session.provider.functions) { bytes in
      let pointers = bytes.bindMemory(to: UInt.self)
      return requiredSlots.filter { pointers[$0.key] == 0 }.map(\.value).sorted()
    }
    try expect(
      missing.isEmpty, "the 17 functions of a SAN provider",
      "NULL for \(missing.joined(separator: ", "))")
  }

  private static let requiredSlots: [Int: String] = [
    0: "WSPAccept", 3: "WSPBind", 5: "WSPCleanup", 6: "WSPCloseSocket", 7: "WSPConnect",
    8: "WSPDuplicateSocket", 9: "WSPEnumNetworkEvents", 10: "WSPEventSelect",
    11: "WSPGetOverlappedResult", 14: "WSPGetSockOpt", 15: "WSPGetQOSByName", 16: "WSPIoctl",
    18: "WSPListen", 19: "WSPRecv", 23: "WSPSend", 26: "WSPSetSockOpt", 28: "WSPSocket",
  ]

  /// WSPStartupEx with what is given; NULL for nil.
  private static func start(
    _ session: Session, version: WORD = 0x0202, data: LPWSPDATA?, table: LPWSPPROC_TABLE?
  ) -> INT {
    session.note("WSPStartupEx")
    return session.provider.startUp(
      version, data, TransportInformation.pointer, UpcallTable.pointer, table)
  }

  private static func oldVersions(_ session: Session) throws(Failure) {
    var (data, table) = (WSPDATA(), WSPPROC_TABLE())
    // The low byte is the major number.
    for (version, name): (WORD, String) in [
      (0x0001, "1.0"), (0x0101, "1.1"), (0x0002, "2.0"), (0x0102, "2.1"),
    ] {
      try expect(
        start(session, version: version, data: &data, table: &table), WSAVERNOTSUPPORTED,
        "WSPStartupEx of version \(name)")
    }
    _ = try session.here().makeSocket()
  }

  private static func nullArguments(_ session: Session) throws(Failure) {
    var (data, table) = (WSPDATA(), WSPPROC_TABLE())
    try expect(
      start(session, data: nil, table: &table), WSAEFAULT, "WSPStartupEx without lpWSPData")
    try expect(
      start(session, data: &data, table: nil), WSAEFAULT, "WSPStartupEx without lpProcTable")
    _ = try session.here().makeSocket()
  }

  private static func countedStarts(_ session: Session) throws(Failure) {
    let here = try session.here()
    try expect(INT(try here.ask(.start).numbers[0]), 0, "a second WSPStartupEx")
    try expect(INT(try here.ask(.cleanUp).numbers[0]), 0, "the first WSPCleanup of two")
    _ = try here.makeSocket()
    try expect(INT(try here.ask(.cleanUp).numbers[0]), 0, "the second WSPCleanup of two")
    try expect(
      INT(try here.ask(.cleanUp).numbers[0]), WSANOTINITIALISED, "a third WSPCleanup")
    try expect(INT(try here.ask(.start).numbers[0]), 0, "WSPStartupEx after the last WSPCleanup")
    _ = try here.makeSocket()
  }

  private static func cleanupAborts(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    let buffer = try pair.near.registered(try here.makeMemory(pages: 1))
    let notified = try here.makeRequest(polled: false)
    let polled = try here.makeRequest()
    for (index, request) in [notified, polled].enumerated() {
      try request.begin(.receive, pair.near, [buffer.segment(100 * index, 100)])
    }
    try expect(INT(try here.ask(.cleanUp).numbers[0]), 0, "WSPCleanup")
    let ended = try notified.end(pair.near)
    try expect(ended.error, WSA_OPERATION_ABORTED, "a receive that was pending at the cleanup")
    let count = try notified.completions().count
    try expect(count == 1, "one completion of a pending receive", "\(count)")
    let state = try polled.state()
    try expect(
      state.state != Int(WSS_OPERATION_IN_PROGRESS),
      "a polled receive that is not in progress after the cleanup", "it still is")
    try expect(
      state.error, WSA_OPERATION_ABORTED, "OffsetHigh of a polled receive after the cleanup")
  }

  private static func ownTable(_ session: Session) throws(Failure) {
    let here = try session.here()
    let before = try here.ask(.openHandles).numbers
    let socket = try here.makeSocket()
    let handle = try here.newestHandle()
    let during = try here.ask(.openHandles).numbers
    try expect(
      during[0] == before[0] + 1, "WPUCreateSocketHandle of the table to be called by WSPSocket",
      "\(during[0] - before[0]) calls")
    try socket.close()
    let entries = try here.entries(of: handle, waiting: 2000)
    try expect(
      entries == [true], "WPUCloseSocketHandle of the table to be called by WSPCloseSocket",
      "\(entries.count) upcalls")
    try expectNoMistake(session)
  }
}
