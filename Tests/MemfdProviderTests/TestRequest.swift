import CWinsockDirect
import Glibc
import Testing

/// An overlapped structure for one request after the other.
final class TestRequest {
  let overlapped: LPWSAOVERLAPPED
  let isPolled: Bool

  /// With the low bit of the event set where the end is polled for.
  init(polled: Bool = true) {
    isPolled = polled
    overlapped = .allocate(capacity: 1)
    overlapped.initialize(to: WSAOVERLAPPED())
    overlapped.pointee.hEvent = HANDLE(bitPattern: polled ? 5 : 4)
  }

  deinit {
    TestSwitch.shared.forget(overlapped)
    // While the request is in progress the structure belongs to the provider.
    if overlapped.pointee.Internal != ULONG_PTR(WSS_OPERATION_IN_PROGRESS) {
      overlapped.deallocate()
    }
  }

  func send(
    _ socket: TestSocket, _ memory: UnsafeMutableRawPointer?, _ length: Int, flags: DWORD = 0
  ) -> INT {
    var buffer = WSABUF(memory, length)
    var sent: DWORD = 0
    return failure {
      socket.provider.functions.lpWSPSend(
        socket.descriptor, &buffer, 1, &sent, flags, overlapped, nil, nil, $0)
    }
  }

  func receive(_ socket: TestSocket, _ memory: UnsafeMutableRawPointer?, _ length: Int) -> INT {
    var buffer = WSABUF(memory, length)
    var received: DWORD = 0
    var flags: DWORD = 0
    return failure {
      socket.provider.functions.lpWSPRecv(
        socket.descriptor, &buffer, 1, &received, &flags, overlapped, nil, nil, $0)
    }
  }

  func write(
    _ socket: TestSocket, _ buffers: [WSABUFEX], to descriptor: [UInt8], offset: DWORD = 0
  ) -> INT {
    var buffers = buffers
    var descriptor = descriptor
    let (count, size) = (DWORD(buffers.count), DWORD(descriptor.count))
    defer {
      // The caller's arrays may change as soon as the call has returned (C72).
      for index in buffers.indices { buffers[index] = WSABUFEX() }
    }
    return failure {
      socket.provider.rdmaWrite(
        socket.descriptor, &buffers, count, &descriptor, size, offset, nil, 0, overlapped, nil, nil,
        $0)
    }
  }

  func read(
    _ socket: TestSocket, _ buffers: [WSABUFEX], from descriptor: [UInt8], offset: DWORD = 0
  ) -> INT {
    var buffers = buffers
    var descriptor = descriptor
    let (count, size) = (DWORD(buffers.count), DWORD(descriptor.count))
    return failure {
      socket.provider.rdmaRead(
        socket.descriptor, &buffers, count, &descriptor, size, offset, nil, 0, overlapped, nil, nil,
        $0)
    }
  }

  /// WSPGetOverlappedResult: the error number and the count.
  func poll(_ socket: TestSocket) -> (error: INT, byteCount: DWORD) {
    var byteCount: DWORD = 0xDEAD
    var flags: DWORD = 0
    var error: INT = 0
    let done = socket.provider.functions.lpWSPGetOverlappedResult(
      socket.descriptor, overlapped, &byteCount, 0, &flags, &error)
    return (done == 0 ? error : 0, byteCount)
  }

  /// Waits for the end, in the way that the structure asks for; the error number and the count.
  func end(_ socket: TestSocket, seconds: Double = 5) -> (error: INT, byteCount: DWORD) {
    if !isPolled {
      guard let completion = TestSwitch.shared.waitForCompletion(of: overlapped, seconds: seconds)
      else { return (WSA_IO_INCOMPLETE, 0) }
      return (completion.error, completion.byteCount)
    }
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
      let result = poll(socket)
      if result.error != WSA_IO_INCOMPLETE { return result }
      sched_yield()
    }
    return (WSA_IO_INCOMPLETE, 0)
  }
}

extension WSABUF {
  init(_ memory: UnsafeMutableRawPointer?, _ length: Int) {
    self.init(len: ULONG(length), buf: memory?.assumingMemoryBound(to: CHAR.self))
  }
}

extension WSABUFEX {
  init(_ memory: UnsafeMutableRawPointer?, _ length: Int, _ handle: HANDLE?) {
    self.init(
      len: ULONG(length), buf: memory?.assumingMemoryBound(to: CHAR.self), handle: handle)
  }
}
