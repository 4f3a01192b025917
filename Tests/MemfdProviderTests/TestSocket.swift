import CWinsockDirect
import Glibc
import Testing

/// A socket of the provider, and short ways to call the functions with it.
struct TestSocket {
  let provider: StartedProvider
  let descriptor: SOCKET

  /// WSPSocket.
  init(_ provider: StartedProvider) throws {
    var error: INT = 0
    self.provider = provider
    descriptor = provider.functions.lpWSPSocket(
      AF_INET, INT(SOCK_STREAM.rawValue), INT(IPPROTO_TCP), nil, 0, DWORD(WSA_FLAG_OVERLAPPED),
      &error)
    try #require(descriptor != INVALID_SOCKET, "WSPSocket answered \(error)")
  }

  init(_ provider: StartedProvider, accepted descriptor: SOCKET) {
    self.provider = provider
    self.descriptor = descriptor
  }

  /// What the switch calls it.
  var handle: SOCKET {
    TestSwitch.shared.handle(of: descriptor) ?? INVALID_SOCKET
  }

  func bind(_ text: String, port: UInt16 = 0) -> INT {
    withName(address(text, port)) { name in
      failure { provider.functions.lpWSPBind(descriptor, name, 16, $0) }
    }
  }

  func listen(_ backlog: INT = 8) -> INT {
    failure { provider.functions.lpWSPListen(descriptor, backlog, $0) }
  }

  func connect(_ text: String, port: UInt16) -> INT {
    withName(address(text, port)) { name in
      failure {
        provider.functions.lpWSPConnect(descriptor, name, 16, nil, nil, nil, nil, $0)
      }
    }
  }

  func select(_ event: WSAEVENT?, _ events: LONG) -> INT {
    failure { provider.functions.lpWSPEventSelect(descriptor, event, events, $0) }
  }

  /// WSPEnumNetworkEvents.
  func events(_ event: WSAEVENT? = nil) throws -> WSANETWORKEVENTS {
    var result = WSANETWORKEVENTS()
    let error = failure {
      provider.functions.lpWSPEnumNetworkEvents(descriptor, event, &result, $0)
    }
    try #require(error == 0)
    return result
  }

  /// WSPAccept, with the peer's address; the error number where it fails.
  func accept(
    _ condition: LPCONDITIONPROC? = nil, callbackData: DWORD_PTR = 0
  ) -> Result<(socket: TestSocket, peer: sockaddr_in), SocketFailure> {
    var peer = sockaddr_in()
    var length: INT = 16
    var error: INT = 0
    let accepted = withUnsafeMutablePointer(to: &peer) { peer in
      peer.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
        provider.functions.lpWSPAccept(
          descriptor, peer, &length, condition, callbackData, &error)
      }
    }
    if accepted == INVALID_SOCKET { return .failure(SocketFailure(number: error)) }
    return .success((TestSocket(provider, accepted: accepted), peer))
  }

  @discardableResult
  func close() -> INT {
    failure { provider.functions.lpWSPCloseSocket(descriptor, $0) }
  }

  /// WSPDuplicateSocket: what names the socket to the process.
  func duplicate(to process: Int32) -> Result<DWORD, SocketFailure> {
    var information = WSAPROTOCOL_INFOW()
    let error = failure {
      provider.functions.lpWSPDuplicateSocket(
        descriptor, DWORD(bitPattern: process), &information, $0)
    }
    return error == 0
      ? .success(information.dwProviderReserved) : .failure(SocketFailure(number: error))
  }

  /// WSPSocket for what `duplicate` has named.
  static func takeOver(
    _ token: DWORD, _ provider: StartedProvider
  ) -> Result<TestSocket, SocketFailure> {
    var information = WSAPROTOCOL_INFOW()
    information.dwProviderReserved = token
    var error: INT = 0
    let descriptor = provider.functions.lpWSPSocket(
      AF_INET, INT(SOCK_STREAM.rawValue), INT(IPPROTO_TCP), &information, 0,
      DWORD(WSA_FLAG_OVERLAPPED), &error)
    return descriptor == INVALID_SOCKET
      ? .failure(SocketFailure(number: error))
      : .success(TestSocket(provider, accepted: descriptor))
  }

  func register(
    _ memory: UnsafeMutableRawPointer?, _ length: Int, _ flags: INT = MEM_READWRITE
  ) -> Result<HANDLE, SocketFailure> {
    var error: INT = -1
    let handle = provider.registerMemory(
      descriptor, memory, DWORD(length), DWORD(bitPattern: flags), &error)
    guard let handle else { return .failure(SocketFailure(number: error)) }
    #expect(error == 0)
    return .success(handle)
  }

  func deregister(_ handle: HANDLE?) -> INT {
    failure { provider.deregisterMemory(descriptor, handle, $0) }
  }

  /// WSPRegisterRdmaMemory.
  func expose(
    _ memory: UnsafeMutableRawPointer?, _ length: Int, _ flags: INT
  ) -> Result<[UInt8], SocketFailure> {
    var descriptorBytes = [UInt8](repeating: 0xEE, count: 64)
    var size: DWORD = 64
    let error = failure {
      provider.registerRdmaMemory(
        descriptor, memory, DWORD(length), DWORD(bitPattern: flags), &descriptorBytes, &size, $0)
    }
    if error != 0 { return .failure(SocketFailure(number: error)) }
    #expect(descriptorBytes[Int(size)...].allSatisfy { $0 == 0xEE })
    return .success(Array(descriptorBytes.prefix(Int(size))))
  }

  func conceal(_ bytes: [UInt8]) -> INT {
    var bytes = bytes
    let count = DWORD(bytes.count)
    return failure { provider.deregisterRdmaMemory(descriptor, &bytes, count, $0) }
  }

  private func withName<Result>(
    _ value: sockaddr_in, _ body: (UnsafePointer<sockaddr>) -> Result
  ) -> Result {
    withUnsafePointer(to: value) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
    }
  }
}

/// A number that the SPI answered.
struct SocketFailure: Error, Equatable {
  let number: INT
}

extension Result where Failure == SocketFailure {
  /// The number, or 0 where there is none.
  var number: INT {
    switch self {
    case .success: 0
    case .failure(let failure): failure.number
    }
  }
}
