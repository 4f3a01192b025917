import CWinsockDirect
import Glibc

// Sockets, connections and options.
extension Actor {
  func performSocket(_ call: Call) throws(Failure) -> Reply {
    let numbers = call.numbers
    let socket = numbers.first.map { SOCKET(bitPattern: $0) } ?? INVALID_SOCKET
    switch call.verb {
    case .addresses: return try addresses()
    case .socket: return makeSocket(numbers)
    case .bind:
      return withAddress(numbers[1], numbers[2]) { name in
        error { functions.lpWSPBind(socket, name, 16, $0) }
      }
    case .listen: return error { functions.lpWSPListen(socket, INT(numbers[1]), $0) }
    case .select:
      return error {
        functions.lpWSPEventSelect(socket, WSAEVENT(bitPattern: numbers[1]), LONG(numbers[2]), $0)
      }
    case .connect:
      let watch = Stopwatch()
      var reply = withAddress(numbers[1], numbers[2]) { name in
        error { functions.lpWSPConnect(socket, name, 16, nil, nil, nil, nil, $0) }
      }
      reply.numbers.append(watch.milliseconds)
      return reply
    case .events:
      var events = WSANETWORKEVENTS()
      var reply = error {
        functions.lpWSPEnumNetworkEvents(
          socket, WSAEVENT(bitPattern: numbers[1]), &events, $0)
      }
      reply.numbers += [
        Int(events.lNetworkEvents), Int(events.iErrorCode.3), Int(events.iErrorCode.4),
      ]
      return reply
    case .accept: return accept(socket, numbers[1])
    case .close: return error { functions.lpWSPCloseSocket(socket, $0) }
    case .option:
      // The value is in memory of eight bytes, of which the provider is told some.
      var value: UInt64 = 0xEEEE_EEEE_EEEE_EEEE
      var length = INT(numbers[3])
      var reply = withUnsafeMutableBytes(of: &value) { bytes in
        error {
          functions.lpWSPGetSockOpt(
            socket, INT(numbers[1]), INT(numbers[2]),
            bytes.baseAddress?.assumingMemoryBound(to: CHAR.self), &length, $0)
        }
      }
      reply.numbers += [Int(bitPattern: UInt(value)), Int(length)]
      return reply
    default: return handOver(call, socket)
    }
  }

  func withAddress<Result>(
    _ address: Int, _ port: Int, _ body: (UnsafePointer<sockaddr>) -> Result
  ) -> Result {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(address).bigEndian
    name.sin_port = UInt16(port).bigEndian
    return withUnsafePointer(to: name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
    }
  }

  /// Family, type, protocol and group, or nothing for the ordinary: the descriptor and the error.
  private func makeSocket(_ numbers: [Int]) -> Reply {
    let kind =
      numbers.isEmpty
      ? [Int(AF_INET), Int(TransportInformation.stream), Int(TransportInformation.tcp), 0] : numbers
    var error: INT = 0
    let descriptor = functions.lpWSPSocket(
      INT(kind[0]), INT(kind[1]), INT(kind[2]), nil, GROUP(kind[3]),
      TransportInformation.overlapped, &error)
    return Reply([Int(bitPattern: descriptor), Int(error)])
  }

  /// WSPAccept with the condition function of AcceptCondition's number: the descriptor, the error,
  /// the peer's address and port, and what the condition function has seen.
  private func accept(_ socket: SOCKET, _ answer: Int) -> Reply {
    var peer = sockaddr_in()
    var length: INT = 16
    var error: INT = 0
    AcceptCondition.prepare(answer: INT(answer))
    let descriptor = withUnsafeMutablePointer(to: &peer) { peer in
      peer.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
        functions.lpWSPAccept(
          socket, peer, &length, answer < 0 ? nil : AcceptCondition.function,
          AcceptCondition.callbackData, &error)
      }
    }
    return Reply(
      [
        Int(bitPattern: descriptor), Int(error), Int(UInt32(bigEndian: peer.sin_addr.s_addr)),
        Int(UInt16(bigEndian: peer.sin_port)),
      ] + AcceptCondition.observations)
  }

  /// The provider's addresses, as the switch asks for them.
  private func addresses() throws(Failure) -> Reply {
    let made = makeSocket([])
    let socket = SOCKET(bitPattern: made.numbers[0])
    guard socket != INVALID_SOCKET else {
      throw .violated(
        expected: "WSPSocket: a descriptor", actual: ErrorName.text(INT(made.numbers[1])))
    }
    defer { _ = error { functions.lpWSPCloseSocket(socket, $0) } }
    var buffer = [UInt64](repeating: 0, count: 1024)
    var byteCount: DWORD = 0
    let failure = buffer.withUnsafeMutableBytes { buffer in
      ProviderUnderTest.error {
        functions.lpWSPIoctl(
          socket, DWORD(SIO_ADDRESS_LIST_QUERY), nil, 0, buffer.baseAddress, DWORD(buffer.count),
          &byteCount, nil, nil, nil, $0)
      }
    }
    guard failure == 0 else {
      throw .violated(
        expected: "SIO_ADDRESS_LIST_QUERY: the provider's addresses",
        actual: ErrorName.text(failure))
    }
    return buffer.withUnsafeBytes { Reply(AddressList.addresses(in: $0)) }
  }

  /// Hands a socket over: process identifier, out comes WSAPROTOCOL_INFOW; or takes one over with it.
  private func handOver(_ call: Call, _ socket: SOCKET) -> Reply {
    var information = WSAPROTOCOL_INFOW()
    if call.verb == .duplicate {
      let process = DWORD(call.numbers[1])
      var reply = error { functions.lpWSPDuplicateSocket(socket, process, &information, $0) }
      withUnsafeBytes(of: information) { reply.bytes = Array($0) }
      return reply
    }
    withUnsafeMutableBytes(of: &information) { $0.copyBytes(from: call.bytes) }
    var error: INT = 0
    let descriptor = functions.lpWSPSocket(
      AF_INET, TransportInformation.stream, TransportInformation.tcp, &information, 0,
      TransportInformation.overlapped, &error)
    return Reply([Int(bitPattern: descriptor), Int(error)])
  }
}
