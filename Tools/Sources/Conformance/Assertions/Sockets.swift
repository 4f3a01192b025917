import CWinsockDirect

// Section 10.3, the first half: sockets that are not connected.
extension Catalog {
  static let sockets: [Assertion] = [
    Assertion(20, .must, "WSPSocket makes one WPUCreateSocketHandle upcall") {
      session throws(Failure) in try oneUpcall(session)
    },
    Assertion(21, .inferred, "a failed upcall fails WSPSocket with its error") {
      session throws(Failure) in try refusedUpcall(session)
    },
    Assertion(22, .must, "another family, type or protocol is refused") {
      session throws(Failure) in try wrongKinds(session)
    },
    Assertion(23, .must, "WSPBind: foreign address, short name, wildcard") {
      session throws(Failure) in try binding(session)
    },
    Assertion(24, .must, "WSPListen: WSAEINVAL unbound, WSAEISCONN connected") {
      session throws(Failure) in try listening(session)
    },
  ]

  private static func oneUpcall(_ session: Session) throws(Failure) {
    let here = try session.here()
    let before = try here.ask(.openHandles).numbers[1]
    let first = try here.makeSocket()
    let handle = try here.newestHandle()
    let after = try here.ask(.openHandles).numbers[1]
    try expect(
      after == before + 1, "one WPUCreateSocketHandle for one WSPSocket", "\(after - before)")
    let second = try here.makeSocket()
    try expect(
      first.descriptor != second.descriptor, "two sockets with different descriptors",
      "the same descriptor")
    try expect(
      first.descriptor != handle, "a descriptor of the provider's own",
      "the switch's descriptor")
    // Calls go by the provider's descriptor.
    try expect(try first.close(), 0, "WSPCloseSocket")
    try expect(try second.close(), 0, "WSPCloseSocket")
  }

  private static func refusedUpcall(_ session: Session) throws(Failure) {
    let here = try session.here()
    UpcallRecorder.shared.refuseHandles(WSAENOBUFS)
    let numbers = try here.ask(.socket).numbers
    UpcallRecorder.shared.refuseHandles(0)
    try expect(
      numbers[0] == -1, "INVALID_SOCKET where WPUCreateSocketHandle fails", "a descriptor")
    try expect(INT(numbers[1]), WSAENOBUFS, "WSPSocket where the upcall answers WSAENOBUFS")
    _ = try here.makeSocket()
  }

  private static func wrongKinds(_ session: Session) throws(Failure) {
    let here = try session.here()
    let (stream, tcp) = (Int(TransportInformation.stream), Int(TransportInformation.tcp))
    let kinds: [(numbers: [Int], allowed: [INT], name: String)] = [
      ([10, stream, tcp, 0], [WSAEAFNOSUPPORT], "AF_INET6"),
      ([2, 2, 17, 0], [WSAESOCKTNOSUPPORT, WSAEPROTOTYPE, WSAEPROTONOSUPPORT], "SOCK_DGRAM"),
      ([2, stream, 17, 0], [WSAEPROTONOSUPPORT, WSAEPROTOTYPE], "IPPROTO_UDP for a stream"),
    ]
    for kind in kinds {
      let numbers = try here.ask(.socket, kind.numbers).numbers
      try expect(numbers[0] == -1, "INVALID_SOCKET for \(kind.name)", "a descriptor")
      try expect(INT(numbers[1]), in: kind.allowed, "WSPSocket for \(kind.name)")
    }
  }

  private static func binding(_ session: Session) throws(Failure) {
    let here = try session.here()
    let socket = try here.makeSocket()
    // TEST-NET-1: nobody's.
    let foreign = 0xC000_0201
    try expect(try socket.bind(foreign), WSAEADDRNOTAVAIL, "WSPBind to 192.0.2.1")
    var name = sockaddr_in()
    name.sin_family = 2
    name.sin_addr.s_addr = UInt32(try session.address()).bigEndian
    let short = withUnsafePointer(to: name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        ProviderUnderTest.error {
          session.provider.functions.lpWSPBind(
            SOCKET(bitPattern: socket.descriptor), pointer, 8, $0)
        }
      }
    }
    try expect(short, WSAEFAULT, "WSPBind with a name of 8 bytes")
    try expect(try socket.bind(0), 0, "WSPBind to 0.0.0.0")
    try expect(
      try here.makeSocket().bind(try session.address()), 0, "WSPBind to the provider's address")
  }

  private static func listening(_ session: Session) throws(Failure) {
    try expect(
      try session.here().makeSocket().listen(), WSAEINVAL, "WSPListen of an unbound socket")
    let pair = try session.pair()
    try expect(try pair.near.listen(), WSAEISCONN, "WSPListen of a connected socket")
  }
}
