import CWinsockDirect
import MemfdNIC
import VirtualMemory

// WSPGetSockOpt and WSPSetSockOpt (C19).

func getSockOpt(
  _ s: SOCKET, _ level: INT, _ optname: INT, _ optval: UnsafeMutablePointer<CHAR>?,
  _ optlen: LPINT?, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    if level != WSA_SOL_SOCKET { throw .invalid }
    let value: INT
    switch optname {
    case debugOption: value = socket.connection.withLock { $0.isDebugged } ? 1 : 0
    case SO_MAX_MSG_SIZE: value = INT(Limits.maximumMessageBytes)
    case SO_MAX_RDMA_SIZE: value = INT(Limits.maximumTransferBytes)
    case SO_RDMA_THRESHOLD_SIZE: value = INT(ProviderLimits.rdmaThresholdBytes)
    default: throw SocketsError(WSAENOPROTOOPT)
    }
    let size = INT(MemoryLayout<INT>.size)
    let length = try CallerVariable<INT>(optlen)
    if length.value < size {
      try length.store(size)
      throw .fault
    }
    try CallerVariable<INT>(optval).store(value)
    try length.store(size)
  }
}

/// SO_DEBUG is kept and has no effect; the sizes are the adapter's and cannot be set.
func setSockOpt(
  _ s: SOCKET, _ level: INT, _ optname: INT, _ optval: UnsafePointer<CHAR>?, _ optlen: INT,
  _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    if level != WSA_SOL_SOCKET { throw .invalid }
    if optname != debugOption { throw SocketsError(WSAENOPROTOOPT) }
    if optlen < INT(MemoryLayout<INT>.size) { throw .fault }
    let value = try CallerMemory.read(optval, as: INT.self)
    socket.connection.withLock { $0.isDebugged = value != 0 }
  }
}

/// SO_DEBUG, which has the same value on Windows and here.
private var debugOption: INT { 1 }
