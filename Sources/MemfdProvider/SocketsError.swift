import CWinsockDirect

/// Why a function of the SPI failed: the number that it stores for its caller (C03).
struct SocketsError: Error, Equatable {
  let number: INT

  init(_ number: INT) {
    self.number = number
  }

  static var notInitialised: SocketsError { SocketsError(WSANOTINITIALISED) }
  static var notSocket: SocketsError { SocketsError(WSAENOTSOCK) }
  static var fault: SocketsError { SocketsError(WSAEFAULT) }
  static var invalid: SocketsError { SocketsError(WSAEINVAL) }
  static var noBuffers: SocketsError { SocketsError(WSAENOBUFS) }
  static var notConnected: SocketsError { SocketsError(WSAENOTCONN) }
  static var notSupported: SocketsError { SocketsError(WSAEOPNOTSUPP) }
  static var wouldBlock: SocketsError { SocketsError(WSAEWOULDBLOCK) }
  static var pending: SocketsError { SocketsError(WSA_IO_PENDING) }
}

/// Runs the body of a function of the SPI and answers as the SPI does: 0, or SOCKET_ERROR with the
/// reason in `lpErrno`, which is NULL or can be written: it is where every answer goes.
@inline(__always)
func answer(_ lpErrno: LPINT?, _ body: () throws(SocketsError) -> Void) -> INT {
  do throws(SocketsError) {
    try body()
    lpErrno?.pointee = 0
    return 0
  } catch {
    lpErrno?.pointee = error.number
    return SOCKET_ERROR
  }
}

/// As above, for functions that return a value of their own in success and failure.
@inline(__always)
func answer<Value>(
  _ lpErrno: LPINT?, failure: Value, _ body: () throws(SocketsError) -> Value
) -> Value {
  do throws(SocketsError) {
    let value = try body()
    lpErrno?.pointee = 0
    return value
  } catch {
    lpErrno?.pointee = error.number
    return failure
  }
}
