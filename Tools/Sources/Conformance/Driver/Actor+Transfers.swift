import CWinsockDirect
import Glibc

// Transfers and their completion.
extension Actor {
  /// What *lpcbTransfer is before WSPGetOverlappedResult is called.
  static var untouchedCount: DWORD { 0xDEAD_BEEF }

  func performTransfer(_ call: Call) throws(Failure) -> Reply {
    let numbers = call.numbers
    switch call.verb {
    case .makeRequest:
      let overlapped = LPWSAOVERLAPPED.allocate(capacity: 1)
      overlapped.initialize(to: WSAOVERLAPPED())
      // Event handles have their two low bits zero; bit 0 asks for polling.
      overlapped.pointee.hEvent = HANDLE(bitPattern: recorder.makeEvent() | UInt(numbers[0]))
      requests.append(overlapped)
      return Reply([requests.count - 1])
    case .transfer: return try transfer(call)
    case .poll: return poll(requests[numbers[0]], SOCKET(bitPattern: numbers[1]), numbers[2])
    case .wait: return wait(requests[numbers[0]], SOCKET(bitPattern: numbers[1]), numbers[2])
    case .completions:
      let made = recorder.completions(of: UInt(bitPattern: requests[numbers[0]]))
      return Reply(
        made.flatMap { [Int(bitPattern: $0.socket), Int($0.error), Int($0.byteCount)] })
    default:
      let state = requests[numbers[0]].pointee
      return Reply([Int(state.Internal), Int(state.InternalHigh), Int(state.OffsetHigh)])
    }
  }

  /// Kind, request, socket, offset, flags, then memory, offset, length and handle of each buffer;
  /// the bytes are the peer's descriptor. The answer: the error, the count, the structure's state when
  /// the call had returned, microseconds. The arrays that the provider was given are overwritten
  /// at once (C72).
  private func transfer(_ call: Call) throws(Failure) -> Reply {
    let numbers = call.numbers
    guard let kind = TransferKind(rawValue: numbers[0]) else { return Reply() }
    let overlapped = requests[numbers[1]]
    recorder.forget(UInt(bitPattern: overlapped))
    // An address in it would be the application's own.
    overlapped.pointee.Internal = 0
    overlapped.pointee.InternalHigh = 0
    let socket = SOCKET(bitPattern: numbers[2])
    let parts = stride(from: 5, to: numbers.count, by: 4).map { Array(numbers[$0..<$0 + 4]) }
    var count = Self.untouchedCount
    let watch = Stopwatch()
    let code: INT
    switch kind {
    case .send, .receive:
      var buffers = parts.map { part in
        WSABUF(
          len: ULONG(part[2]),
          buf: pointer(part[0], part[1])?.assumingMemoryBound(to: CHAR.self))
      }
      code = exchange(kind, socket, &buffers, &count, DWORD(numbers[4]), overlapped)
    case .write, .read:
      var buffers = parts.map { part in
        WSABUFEX(
          len: ULONG(part[2]),
          buf: pointer(part[0], part[1])?.assumingMemoryBound(to: CHAR.self),
          handle: HANDLE(bitPattern: part[3]))
      }
      var descriptor = call.bytes
      code = try reach(
        kind, socket, &buffers, &descriptor, DWORD(truncatingIfNeeded: numbers[3]), &count,
        DWORD(numbers[4]), overlapped)
    }
    return Reply([Int(code), Int(count), Int(overlapped.pointee.Internal), watch.microseconds])
  }

  private func exchange(
    _ kind: TransferKind, _ socket: SOCKET, _ buffers: inout [WSABUF], _ byteCount: inout DWORD,
    _ flags: DWORD, _ overlapped: LPWSAOVERLAPPED
  ) -> INT {
    let count = DWORD(buffers.count)
    var thread = WSATHREADID()
    var flagsOut = flags
    let code = ProviderUnderTest.error { error in
      kind == .send
        ? functions.lpWSPSend(
          socket, &buffers, count, &byteCount, flags, overlapped, nil, &thread, error)
        : functions.lpWSPRecv(
          socket, &buffers, count, &byteCount, &flagsOut, overlapped, nil, &thread, error)
    }
    for index in buffers.indices { buffers[index] = WSABUF(len: .max, buf: nil) }
    return code
  }

  private func reach(
    _ kind: TransferKind, _ socket: SOCKET, _ buffers: inout [WSABUFEX],
    _ descriptor: inout [UInt8], _ offset: DWORD, _ byteCount: inout DWORD, _ flags: DWORD,
    _ overlapped: LPWSAOVERLAPPED
  ) throws(Failure) -> INT {
    // Both have the same type.
    let function: LPFN_WSPRDMAWRITE = try provider.function(
      kind == .write ? WSAID_RDMAWRITE : WSAID_RDMAREAD, named: kind.name)
    let (count, size) = (DWORD(buffers.count), DWORD(descriptor.count))
    var thread = WSATHREADID()
    let code = ProviderUnderTest.error { error in
      function(
        socket, &buffers, count, &descriptor, size, offset, &byteCount, flags, overlapped, nil,
        &thread, error)
    }
    for index in buffers.indices { buffers[index] = WSABUFEX(len: .max, buf: nil, handle: nil) }
    for index in descriptor.indices { descriptor[index] = 0xDD }
    return code
  }

  /// What WSPGetOverlappedResult returned, the error, the count and the flags.
  private func poll(_ overlapped: LPWSAOVERLAPPED, _ socket: SOCKET, _ waits: Int) -> Reply {
    var byteCount = Self.untouchedCount
    var flags: DWORD = 0
    var error: INT = 0
    let result = functions.lpWSPGetOverlappedResult(
      socket, overlapped, &byteCount, BOOL(waits), &flags, &error)
    return Reply([Int(result), Int(error), Int(byteCount), Int(flags)])
  }

  /// Waits for the end in the way that the structure asks for: the error and the count;
  /// WSA_IO_INCOMPLETE where it has not come.
  private func wait(_ overlapped: LPWSAOVERLAPPED, _ socket: SOCKET, _ milliseconds: Int) -> Reply {
    if UInt(bitPattern: overlapped.pointee.hEvent) & 1 == 0 {
      let completion = recorder.waitForCompletion(
        of: UInt(bitPattern: overlapped), milliseconds: milliseconds)
      guard let completion else { return Reply([Int(WSA_IO_INCOMPLETE), 0]) }
      return Reply([Int(completion.error), Int(completion.byteCount)])
    }
    let watch = Stopwatch()
    while true {
      let numbers = poll(overlapped, socket, 0).numbers
      if numbers[0] == 1 { return Reply([0, numbers[2]]) }
      if numbers[1] != Int(WSA_IO_INCOMPLETE) { return Reply([numbers[1], 0]) }
      if watch.milliseconds >= milliseconds { return Reply([Int(WSA_IO_INCOMPLETE), 0]) }
      sched_yield()
    }
  }
}
