import CLinuxMemory
import CWinsockDirect
import Glibc
import VirtualMemory

/// A provider's socket, as the switch holds it.
///
/// Calls of several threads may run at once. `close()` lets no new call in, waits until those that
/// are inside the provider have returned (no call of the interface blocks), and then closes; so a
/// descriptor is never used after its close, when the provider may have given it to another
/// socket.
final class CompanionSocket: @unchecked Sendable {
  let library: ProviderLibrary
  private let descriptor: SOCKET
  /// Bit 31: closed. Below: calls that are inside the provider.
  private let word: UnsafeMutableRawPointer
  private var state: SharedHalfWord { SharedHalfWord(word) }

  private static let closed: UInt32 = 1 << 31

  /// Makes a socket at the provider.
  convenience init(_ library: ProviderLibrary) throws(SwitchError) {
    self.init(library, try Self.makeDescriptor(library.procedures))
  }

  /// Takes over a socket that the provider made.
  init(_ library: ProviderLibrary, _ descriptor: SOCKET) {
    self.library = library
    self.descriptor = descriptor
    word = .allocate(byteCount: 4, alignment: 4)
    word.initializeMemory(as: UInt32.self, repeating: 0, count: 1)
  }

  deinit {
    close()
    word.deallocate()
  }

  static func makeDescriptor(_ procedures: WSPPROC_TABLE) throws(SwitchError) -> SOCKET {
    var error: Int32 = 0
    let descriptor = procedures.lpWSPSocket(
      AF_INET, SocketKind.stream, SocketKind.tcp, nil, 0, DWORD(WSA_FLAG_OVERLAPPED), &error)
    if descriptor == INVALID_SOCKET { throw .refused(operation: .socket, code: error) }
    return descriptor
  }

  /// Calls the provider with the descriptor; throws `.closed` where there is none any more.
  func call<Result>(
    _ body: (SOCKET, _ error: inout Int32) -> Result
  ) throws(SwitchError) -> (result: Result, error: Int32) {
    if state.add(1) & Self.closed != 0 {
      state.subtract(1)
      throw .closed
    }
    defer { state.subtract(1) }
    var error: Int32 = 0
    let result = body(descriptor, &error)
    return (result, error)
  }

  /// The same for a function that answers 0 or SOCKET_ERROR.
  func perform(
    _ operation: SwitchError.Operation, _ body: (SOCKET, inout Int32) -> Int32
  ) throws(SwitchError) {
    let (result, error) = try call(body)
    if result != 0 { throw .refused(operation: operation, code: error) }
  }

  /// Closes the socket; everything pending on it completes with WSA_OPERATION_ABORTED. A second
  /// close does nothing.
  func close() {
    if state.formUnion(Self.closed) & Self.closed != 0 { return }
    while state.load() != Self.closed { CLinuxMemory_relax() }
    var error: Int32 = 0
    _ = library.procedures.lpWSPCloseSocket(descriptor, &error)
  }

  func bind(to address: SocketAddress) throws(SwitchError) {
    let procedures = library.procedures
    try perform(.bind) { descriptor, error in
      Self.withNative(address) { procedures.lpWSPBind(descriptor, $0, $1, &error) }
    }
  }

  /// Passes the address in the form in which providers take it.
  static func withNative<Result>(
    _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, Int32) -> Result
  ) -> Result {
    withUnsafePointer(to: address.native) { native in
      native.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, Int32(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
