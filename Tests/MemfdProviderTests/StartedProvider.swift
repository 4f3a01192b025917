import CWinsockDirect
import Glibc
import MemfdProvider
import Testing

/// A provider that was started, its functions, and what its answers mean.
struct StartedProvider: Sendable {
  let functions: WSPPROC_TABLE
  let registerMemory: LPFN_WSPREGISTERMEMORY
  let deregisterMemory: LPFN_WSPDEREGISTERMEMORY
  let registerRdmaMemory: LPFN_WSPREGISTERRDMAMEMORY
  let deregisterRdmaMemory: LPFN_WSPDEREGISTERRDMAMEMORY
  let rdmaWrite: LPFN_WSPRDMAWRITE
  let rdmaRead: LPFN_WSPRDMAREAD
  let cacheCallback: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK

  /// Addresses that no other test of the package uses.
  static let addresses = ["10.99.0.1", "10.99.1.1"]
  static let configuration = "test0=10.99.0.1/24,test1=10.99.1.1/24"

  /// Starts the provider, runs `body`, and cleans up.
  static func run(_ body: (StartedProvider) throws -> Void) throws {
    let provider = try StartedProvider()
    defer {
      var error: INT = 0
      #expect(provider.functions.lpWSPCleanup(&error) == 0)
    }
    try body(provider)
  }

  private init() throws {
    setenv("PINDOWN_NICS", Self.configuration, 1)
    var data = WSPDATA()
    var information = WSAPROTOCOL_INFOW()
    var upcalls = TestSwitch.upcalls
    var table = WSPPROC_TABLE()
    try #require(WSPStartupEx(0x0202, &data, &information, &upcalls, &table) == 0)
    functions = table
    registerMemory = try Self.function(table, WSAID_REGISTERMEMORY)
    deregisterMemory = try Self.function(table, WSAID_DEREGISTERMEMORY)
    registerRdmaMemory = try Self.function(table, WSAID_REGISTERRDMAMEMORY)
    deregisterRdmaMemory = try Self.function(table, WSAID_DEREGISTERRDMAMEMORY)
    rdmaWrite = try Self.function(table, WSAID_RDMAWRITE)
    rdmaRead = try Self.function(table, WSAID_RDMAREAD)
    cacheCallback = try Self.function(table, WSAID_MEMORYREGISTRATIONCACHECALLBACK)
  }

  /// Asks for an extension function, with a socket that is none (C15).
  private static func function<Function>(_ table: WSPPROC_TABLE, _ guid: GUID) throws -> Function {
    var guid = guid
    var pointer: UnsafeRawPointer?
    var byteCount: DWORD = 0
    var error: INT = 0
    let status = table.lpWSPIoctl(
      INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, 16, &pointer, 8, &byteCount, nil,
      nil, nil, &error)
    try #require(status == 0)
    #expect(byteCount == 8)
    return unsafeBitCast(try #require(pointer), to: Function.self)
  }
}

/// The error number that a call left, or 0 where it succeeded.
func failure(_ call: (LPINT) -> INT) -> INT {
  var error: INT = -1
  return call(&error) == SOCKET_ERROR ? error : 0
}

/// An IPv4 address of text and a port, as the SPI takes it.
func address(_ text: String, _ port: UInt16) -> sockaddr_in {
  var value = sockaddr_in()
  value.sin_family = sa_family_t(AF_INET)
  value.sin_port = port.bigEndian
  inet_pton(AF_INET, text, &value.sin_addr)
  return value
}
