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
    let arguments = try TransferArguments(
      lpBuffers, count: dwBufferCount, lpOverlapped, lpCompletionRoutine)
    try socket.start(arguments, isReceive: false) { (buffers, result) throws(SocketsError) in
      try socket.collect(buffers, access: .read, into: &result)
      try result.check(maximumBytes: Limits.maximumMessageBytes)
    } post: { (segments, _, context) throws(MemfdNICError) in
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
    let arguments = try TransferArguments(
      lpBuffers, count: dwBufferCount, flags: lpFlags, lpOverlapped, lpCompletionRoutine)
    try socket.start(arguments, isReceive: true) { (buffers, result) throws(SocketsError) in
      try socket.collect(buffers, access: .write, into: &result)
    } post: { (segments, _, context) throws(MemfdNICError) in
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
  guard lpDescriptor != nil, dwDescriptorLength >= DWORD(RemoteDescriptor.byteCount) else {
    throw .invalid
  }
  let arguments = try TransferArguments(
    lpBuffers, count: dwBufferCount, descriptor: lpDescriptor, lpOverlapped,
    lpCompletionRoutine)
  try socket.start(arguments, isReceive: false) { (buffers, result) throws(SocketsError) in
    try socket.collect(buffers, access: access, into: &result)
    try result.check(maximumBytes: Limits.maximumTransferBytes)
  } post: { (segments, remote, context) throws(MemfdNICError) in
    try post(queuePair, segments, remote, context)
  }
}

extension LocalBuffers {
  fileprivate func check(maximumBytes: Int) throws(SocketsError) {
    if byteCount > UInt64(maximumBytes) { throw SocketsError(WSAEMSGSIZE) }
  }
}
