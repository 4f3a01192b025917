import CWinsockDirect
import MemfdNIC
import VirtualMemory

// WSPSend and WSPRecv, WSPRdmaWrite and WSPRdmaRead (spec 4.7, 5.5). None of them waits.

/// WSPSend: one message (C71).
func send(
  _ s: SOCKET, _ lpBuffers: LPWSABUF?, _ dwBufferCount: DWORD, _ lpNumberOfBytesSent: LPDWORD?,
  _ dwFlags: DWORD, _ lpOverlapped: LPWSAOVERLAPPED?,
  _ lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?, _ lpThreadId: LPWSATHREADID?,
  _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let queuePair = try socket.connected().queuePair
    if dwFlags != 0 { throw .notSupported }
    let buffers = try UnsafeBufferPointer(lpBuffers, count: dwBufferCount)
    let overlapped = try Overlapped.required(lpOverlapped, lpCompletionRoutine)
    try socket.start(overlapped, isReceive: false) { (result) throws(SocketsError) in
      try socket.collect(buffers, access: .read, into: &result)
      try result.check(maximumBytes: Limits.maximumMessageBytes)
    } post: { (segments, context) throws(MemfdNICError) in
      try queuePair.postSend(segments, context: context)
    }
  }
}

/// WSPRecv: room for one message.
func recv(
  _ s: SOCKET, _ lpBuffers: LPWSABUF?, _ dwBufferCount: DWORD, _ lpNumberOfBytesRecvd: LPDWORD?,
  _ lpFlags: LPDWORD?, _ lpOverlapped: LPWSAOVERLAPPED?,
  _ lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?, _ lpThreadId: LPWSATHREADID?,
  _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let queuePair = try socket.connected().queuePair
    guard let lpFlags else { throw .fault }
    if lpFlags.pointee != 0 { throw .notSupported }
    let buffers = try UnsafeBufferPointer(lpBuffers, count: dwBufferCount)
    let overlapped = try Overlapped.required(lpOverlapped, lpCompletionRoutine)
    try socket.start(overlapped, isReceive: true) { (result) throws(SocketsError) in
      try socket.collect(buffers, access: .write, into: &result)
    } post: { (segments, context) throws(MemfdNICError) in
      try queuePair.postReceive(segments, context: context)
    }
  }
}

/// WSPRdmaWrite: from the local buffers, in their order, into the peer's memory (C66).
func rdmaWrite(
  _ s: SOCKET, _ lpBuffers: LPWSABUFEX?, _ dwBufferCount: DWORD,
  _ lpTargetBufferDescriptor: LPVOID?, _ dwTargetDescriptorLength: DWORD,
  _ dwTargetBufferOffset: DWORD, _ lpdwNumberOfBytesWritten: LPDWORD?, _ dwFlags: DWORD,
  _ lpOverlapped: LPWSAOVERLAPPED?, _ lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?,
  _ lpThreadId: LPWSATHREADID?, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    try startRdma(
      s, lpBuffers, dwBufferCount, lpTargetBufferDescriptor, dwTargetDescriptorLength, dwFlags,
      access: .read, lpOverlapped, lpCompletionRoutine
    ) { (queuePair, segments, remote, context) throws(MemfdNICError) in
      try queuePair.postWrite(
        segments, remote: remote, offset: UInt64(dwTargetBufferOffset), context: context)
    }
  }
}

/// WSPRdmaRead: from the peer's memory into the local buffers, in their order (C67).
func rdmaRead(
  _ s: SOCKET, _ lpBuffers: LPWSABUFEX?, _ dwBufferCount: DWORD,
  _ lpTargetBufferDescriptor: LPVOID?, _ dwTargetDescriptorLength: DWORD,
  _ dwTargetBufferOffset: DWORD, _ lpdwNumberOfBytesRead: LPDWORD?, _ dwFlags: DWORD,
  _ lpOverlapped: LPWSAOVERLAPPED?, _ lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?,
  _ lpThreadId: LPWSATHREADID?, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    try startRdma(
      s, lpBuffers, dwBufferCount, lpTargetBufferDescriptor, dwTargetDescriptorLength, dwFlags,
      access: .write, lpOverlapped, lpCompletionRoutine
    ) { (queuePair, segments, remote, context) throws(MemfdNICError) in
      try queuePair.postRead(
        segments, remote: remote, offset: UInt64(dwTargetBufferOffset), context: context)
    }
  }
}

/// What both directions have in common. The handles' memory must allow `access`.
private func startRdma(
  _ s: SOCKET, _ lpBuffers: LPWSABUFEX?, _ dwBufferCount: DWORD, _ lpDescriptor: LPVOID?,
  _ dwDescriptorLength: DWORD, _ dwFlags: DWORD, access: MemoryAccess,
  _ lpOverlapped: LPWSAOVERLAPPED?, _ lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?,
  post: (QueuePair, UnsafeBufferPointer<LocalSegment>, RemoteDescriptor, UInt64)
    throws(MemfdNICError) -> Void
) throws(SocketsError) {
  let socket = try Provider.started().sockets.socket(s)
  let queuePair = try socket.connected().queuePair
  if dwFlags != 0 { throw .invalid }
  let buffers = try UnsafeBufferPointer(lpBuffers, count: dwBufferCount)
  let remote = try RemoteDescriptor(lpDescriptor, dwDescriptorLength)
  let overlapped = try Overlapped.required(lpOverlapped, lpCompletionRoutine)
  try socket.start(overlapped, isReceive: false) { (result) throws(SocketsError) in
    try socket.collect(buffers, access: access, into: &result)
    try result.check(maximumBytes: Limits.maximumTransferBytes)
  } post: { (segments, context) throws(MemfdNICError) in
    try post(queuePair, segments, remote, context)
  }
}

extension LocalBuffers {
  fileprivate func check(maximumBytes: Int) throws(SocketsError) {
    if byteCount > UInt64(maximumBytes) { throw SocketsError(WSAEMSGSIZE) }
  }
}

extension UnsafeBufferPointer {
  /// The caller's array; `.fault` where there is none, `.invalid` where it has too many elements.
  fileprivate init(
    _ elements: UnsafeMutablePointer<Element>?, count: DWORD
  ) throws(SocketsError) {
    if elements == nil && count > 0 { throw .fault }
    if count > DWORD(ProviderLimits.maximumBuffers) { throw .invalid }
    self.init(start: elements, count: Int(count))
  }
}

extension Overlapped {
  /// What the switch always passes: a structure, and no completion routine (spec 5.5).
  fileprivate static func required(
    _ structure: LPWSAOVERLAPPED?, _ routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?
  ) throws(SocketsError) -> LPWSAOVERLAPPED {
    guard let structure else { throw .invalid }
    if routine != nil { throw .notSupported }
    return structure
  }
}
