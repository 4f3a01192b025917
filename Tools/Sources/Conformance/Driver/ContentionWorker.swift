import CWinsockDirect
import Glibc

/// What a thread needs; its own, but for the buffer.
final class ContentionWorker: @unchecked Sendable {
  let functions: WSPPROC_TABLE
  let register: LPFN_WSPREGISTERMEMORY
  let deregister: LPFN_WSPDEREGISTERMEMORY
  let write: LPFN_WSPRDMAWRITE
  let socket: SOCKET
  let memory: UnsafeMutableRawPointer
  let length: Int
  var descriptor: [UInt8]
  let overlapped: LPWSAOVERLAPPED
  /// How many rounds it made, and what it found wrong.
  var rounds = 0
  var mistake: String?

  init(
    _ session: Session, _ socket: Socket, _ memory: Buffer, _ descriptor: [UInt8]
  ) throws(Failure) {
    let provider = session.provider
    functions = provider.functions
    register = try provider.function(WSAID_REGISTERMEMORY, named: "WSPRegisterMemory")
    deregister = try provider.function(WSAID_DEREGISTERMEMORY, named: "WSPDeregisterMemory")
    write = try provider.function(WSAID_RDMAWRITE, named: "WSPRdmaWrite")
    self.socket = SOCKET(bitPattern: socket.descriptor)
    guard let base = UnsafeMutableRawPointer(bitPattern: memory.address) else {
      preconditionFailure("memory has an address")
    }
    self.memory = base
    length = memory.length
    self.descriptor = descriptor
    overlapped = .allocate(capacity: 1)
    overlapped.initialize(to: WSAOVERLAPPED())
    overlapped.pointee.hEvent = HANDLE(bitPattern: UpcallRecorder.shared.makeEvent() | 1)
  }

  /// One round; false where the connection is over, which it may be.
  func round() -> Bool {
    var error: INT = 0
    guard let handle = register(socket, memory, DWORD(length), DWORD(MEM_READ), &error) else {
      // It was called changed while it was registered: the next attempt is another one.
      if error == WSAENOBUFS || error == WSAEFAULT { return true }
      if ![WSAENOTCONN, WSAECONNABORTED, WSAECONNRESET].contains(error) {
        mistake = "WSPRegisterMemory: \(ErrorName.text(error))"
      }
      return false
    }
    let moved = transfer(handle)
    let result = deregister(socket, handle, &error)
    // Of a connection that is over, everything may be gone.
    if result != 0 && moved == 0 {
      mistake = "WSPDeregisterMemory after the transfer: \(ErrorName.text(error))"
    }
    rounds += 1
    return moved == 0 || moved == WSAEFAULT || moved == WSAEINVAL
  }

  private func transfer(_ handle: HANDLE) -> INT {
    var buffer = WSABUFEX(
      len: ULONG(length), buf: memory.assumingMemoryBound(to: CHAR.self), handle: handle)
    var byteCount: DWORD = 0
    var error: INT = 0
    overlapped.pointee.Internal = 0
    let result = write(
      socket, &buffer, 1, &descriptor, DWORD(descriptor.count), 0, &byteCount, 0, overlapped,
      nil, nil, &error)
    if result == 0 { return 0 }
    if error != WSA_IO_PENDING { return error }
    var flags: DWORD = 0
    while functions.lpWSPGetOverlappedResult(
      socket, overlapped, &byteCount, 0, &flags, &error) == 0
    {
      if error != WSA_IO_INCOMPLETE { return error }
      sched_yield()
    }
    return 0
  }
}
