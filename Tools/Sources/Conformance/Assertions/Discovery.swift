import CWinsockDirect

// Section 10.2, the second half: extension functions, control codes and options.
extension Catalog {
  static let discovery: [Assertion] = [
    Assertion(12, .must, "each extension GUID yields a function, and 8 bytes") {
      session throws(Failure) in try extensions(session)
    },
    Assertion(13, .must, "a missing WSPRdmaRead or cache callback gives WSAEOPNOTSUPP") {
      session throws(Failure) in try missingExtensions(session)
    },
    Assertion(14, .inferred, "an unknown GUID gives WSAEINVAL, a short buffer WSAEFAULT") {
      session throws(Failure) in try badQueries(session)
    },
    Assertion(15, .inferred, "the extension query works with an invalid socket") {
      session throws(Failure) in
      _ = try session.here()
      try expect(
        session.provider.find(WSAID_REGISTERMEMORY).error, 0,
        "SIO_GET_EXTENSION_FUNCTION_POINTER with INVALID_SOCKET")
    },
    Assertion(16, .must, "a provider that caches offers the cache callback") {
      session throws(Failure) in try callbackOffered(session)
    },
    Assertion(17, .must, "SIO_ADDRESS_LIST_QUERY lists addresses, and says what room it needs") {
      session throws(Failure) in try addressList(session)
    },
    Assertion(18, .must, "without quality of service its control codes fail") {
      session throws(Failure) in try qualityOfService(session)
    },
    Assertion(19, .must, "the size options have four bytes; bad queries are refused") {
      session throws(Failure) in try options(session)
    },
  ]

  private static let guids: [(guid: GUID, name: String, isOptional: Bool)] = [
    (WSAID_REGISTERMEMORY, "WSPRegisterMemory", false),
    (WSAID_DEREGISTERMEMORY, "WSPDeregisterMemory", false),
    (WSAID_REGISTERRDMAMEMORY, "WSPRegisterRdmaMemory", false),
    (WSAID_DEREGISTERRDMAMEMORY, "WSPDeregisterRdmaMemory", false),
    (WSAID_RDMAWRITE, "WSPRdmaWrite", false), (WSAID_RDMAREAD, "WSPRdmaRead", true),
    (WSAID_MEMORYREGISTRATIONCACHECALLBACK, "WSPMemoryRegistrationCacheCallback", true),
  ]

  private static func extensions(_ session: Session) throws(Failure) {
    let here = try session.here()
    session.note("SIO_GET_EXTENSION_FUNCTION_POINTER")
    for entry in guids {
      let found = session.provider.find(entry.guid)
      if entry.isOptional && found.error != 0 { continue }
      try expect(found.error, 0, "the query for \(entry.name)")
      try expect(found.pointer != nil, "a pointer to \(entry.name)", "NULL")
      try expect(
        found.byteCount == 8, "8 bytes returned for \(entry.name)", "\(found.byteCount)")
    }
    // They can be called.
    let error = INT(try here.ask(.deregister, [-1, 0]).numbers[0])
    try expect(
      error, in: [WSAENOTSOCK, WSAEINVAL], "WSPDeregisterMemory with INVALID_SOCKET")
  }

  private static func missingExtensions(_ session: Session) throws(Failure) {
    _ = try session.here()
    session.note("SIO_GET_EXTENSION_FUNCTION_POINTER")
    let missing = guids.filter { session.provider.find($0.guid).error != 0 }
    if missing.isEmpty { throw .notApplicable("the provider offers all seven functions") }
    for entry in missing {
      try expect(
        session.provider.find(entry.guid).error, WSAEOPNOTSUPP, "the query for \(entry.name)")
    }
  }

  /// The extension query with buffers of these sizes.
  private static func query(
    _ session: Session, _ guid: GUID, input: DWORD = 16, output: DWORD = 8
  ) -> INT {
    session.note("SIO_GET_EXTENSION_FUNCTION_POINTER")
    var guid = guid
    var pointer: UInt = 0
    var byteCount: DWORD = 0
    return ProviderUnderTest.error {
      session.provider.functions.lpWSPIoctl(
        INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, input, &pointer, output,
        &byteCount, nil, nil, nil, $0)
    }
  }

  private static func badQueries(_ session: Session) throws(Failure) {
    _ = try session.here()
    var unknown = WSAID_REGISTERMEMORY
    unknown.Data1 = 0x1234_5678
    try expect(query(session, unknown), WSAEINVAL, "the query for an unknown GUID")
    try expect(
      query(session, WSAID_RDMAWRITE, input: 15), WSAEFAULT, "a query with 15 bytes of GUID")
    try expect(
      query(session, WSAID_RDMAWRITE, output: 7), WSAEFAULT, "a query with room for 7 bytes")
  }

  private static func callbackOffered(_ session: Session) throws(Failure) {
    let pair = try session.pair()
    let here = pair.near.party
    if session.provider.offersCallback { return }
    let before = try here.pinnedBytes()
    let buffer = try pair.near.registered(try here.makeMemory(pages: 16))
    _ = try buffer.deregister()
    if try here.pinnedBytes() > before {
      throw .violated(
        expected: "the callback, as deregistered memory stays pinned",
        actual: "the provider does not offer it")
    }
    throw .notApplicable("the provider does not seem to cache")
  }

  private static func addressList(_ session: Session) throws(Failure) {
    let socket = try session.here().makeSocket()
    session.note("SIO_ADDRESS_LIST_QUERY")
    func query(_ buffer: UnsafeMutableRawBufferPointer, _ byteCount: inout DWORD) -> INT {
      ProviderUnderTest.error {
        session.provider.functions.lpWSPIoctl(
          SOCKET(bitPattern: socket.descriptor), DWORD(SIO_ADDRESS_LIST_QUERY), nil, 0,
          buffer.baseAddress, DWORD(buffer.count), &byteCount, nil, nil, nil, $0)
      }
    }
    var byteCount: DWORD = 0
    let short = query(UnsafeMutableRawBufferPointer(start: nil, count: 0), &byteCount)
    try expect(short, WSAEFAULT, "SIO_ADDRESS_LIST_QUERY without room")
    try expect(
      (8...65536).contains(byteCount), "the size that is needed in lpcbBytesReturned",
      "\(byteCount)")
    let guardBytes = 64
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(byteCount) + guardBytes, alignment: 8)
    defer { buffer.deallocate() }
    buffer.initializeMemory(as: UInt8.self, repeating: 0xEE)
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer.dropLast(guardBytes))
    try expect(query(room, &byteCount), 0, "SIO_ADDRESS_LIST_QUERY with the room it asked for")
    try expect(
      buffer.suffix(guardBytes).allSatisfy { $0 == 0xEE }, "nothing written behind the room",
      "something is")
    let addresses = AddressList.addresses(in: UnsafeRawBufferPointer(room))
    try expect(!addresses.isEmpty, "an IPv4 address of the provider's", "none")
  }

  private static func qualityOfService(_ session: Session) throws(Failure) {
    let socket = SOCKET(bitPattern: try session.here().makeSocket().descriptor)
    let functions = session.provider.functions
    session.note("WSPGetQOSByName and the control codes of quality of service")
    var error: INT = 0
    let result = functions.lpWSPGetQOSByName(socket, nil, nil, &error)
    if result != 0 { throw .notApplicable("the provider offers quality of service") }
    try expect(error, WSAEOPNOTSUPP, "WSPGetQOSByName")
    var room = [UInt64](repeating: 0, count: 64)
    var byteCount: DWORD = 0
    for code in [SIO_GET_QOS, SIO_GET_GROUP_QOS, SIO_SET_QOS, SIO_SET_GROUP_QOS] {
      let error = room.withUnsafeMutableBytes { room in
        ProviderUnderTest.error {
          functions.lpWSPIoctl(
            socket, DWORD(code), room.baseAddress, 512, room.baseAddress, 512, &byteCount, nil,
            nil, nil, $0)
        }
      }
      try expectRefusal(error, "control code 0x\(String(code, radix: 16))")
    }
  }

  private static func options(_ session: Session) throws(Failure) {
    let socket = try session.here().makeSocket()
    var known = 0
    for (option, name) in [
      (SO_MAX_MSG_SIZE, "SO_MAX_MSG_SIZE"), (SO_MAX_RDMA_SIZE, "SO_MAX_RDMA_SIZE"),
      (SO_RDMA_THRESHOLD_SIZE, "SO_RDMA_THRESHOLD_SIZE"),
    ] {
      let answer = try socket.option(option)
      // A transport without the limit need not have the option.
      if answer.error == WSAENOPROTOOPT { continue }
      known += 1
      try expect(answer.error, 0, "WSPGetSockOpt(\(name))")
      try expect(answer.length == 4, "\(name) of 4 bytes", "\(answer.length) bytes")
      try expect(
        answer.value >> 32 == 0xEEEE_EEEE, "4 bytes written for \(name)", "more bytes written")
      let short = try socket.option(option, room: 3)
      try expect(short.error, WSAEFAULT, "WSPGetSockOpt(\(name)) with room for 3 bytes")
      try expect(
        short.value == 0xEEEE_EEEE_EEEE_EEEE, "nothing written for \(name) where it has no room",
        "something is")
    }
    try expect(
      try socket.option(0x1234).error, WSAENOPROTOOPT, "WSPGetSockOpt of an unknown option")
    if known == 0 { throw .notApplicable("the provider has none of the three options") }
  }
}
