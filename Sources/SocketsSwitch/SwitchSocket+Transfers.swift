import CWinsockDirect

// Transfers that are started and completed in the background.
extension SwitchSocket {
  /// Starts an RDMA write: from the local segments, in their order, into the peer's buffer from
  /// byte `offset`. At most `maximumRDMALength` bytes.
  public func startRDMAWrite(
    from segments: [MemorySegment], to target: RDMADescriptor, at offset: UInt32 = 0
  ) throws(SwitchError) -> Transfer {
    let function = companion.library.functions.rdmaWrite
    return try startRDMA(.rdmaWrite, function, segments, target, offset)
  }

  /// Starts an RDMA read: from the peer's buffer from byte `offset` into the local segments, in
  /// their order. At most `maximumRDMALength` bytes.
  public func startRDMARead(
    into segments: [MemorySegment], from target: RDMADescriptor, at offset: UInt32 = 0
  ) throws(SwitchError) -> Transfer {
    guard let function = companion.library.functions.rdmaRead else {
      throw .refused(operation: .rdmaRead, code: WSAEOPNOTSUPP)
    }
    return try startRDMA(.rdmaRead, function, segments, target, offset)
  }

  private func startRDMA(
    _ operation: SwitchError.Operation, _ function: LPFN_WSPRDMAWRITE, _ segments: [MemorySegment],
    _ target: RDMADescriptor, _ offset: UInt32
  ) throws(SwitchError) -> Transfer {
    precondition(segments.count <= Limits.maximumSegments, "too many segments in a request")
    var buffers = segments.map(\.native)
    var bytes = target.bytes
    return try start(operation) { descriptor, count, overlapped, error in
      buffers.withUnsafeMutableBufferPointer { buffers in
        bytes.withUnsafeMutableBytes { bytes in
          function(
            descriptor, buffers.baseAddress, DWORD(buffers.count), bytes.baseAddress,
            DWORD(bytes.count), offset, &count, 0, overlapped, nil, nil, &error)
        }
      }
    }
  }

  /// Starts to send a message from memory that is registered for reading.
  public func startSend(_ message: UnsafeRawBufferPointer) throws(SwitchError) -> Transfer {
    var buffer = WSABUF(message)
    return try start(.send) { descriptor, count, overlapped, error in
      companion.library.procedures.lpWSPSend(
        descriptor, &buffer, 1, &count, 0, overlapped, nil, nil, &error)
    }
  }

  /// Starts to receive one message into memory that is registered for writing.
  public func startReceive(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(SwitchError) -> Transfer {
    var buffer = WSABUF(UnsafeRawBufferPointer(buffer))
    var flags: DWORD = 0
    return try start(.receive) { descriptor, count, overlapped, error in
      companion.library.procedures.lpWSPRecv(
        descriptor, &buffer, 1, &count, &flags, overlapped, nil, nil, &error)
    }
  }

  private func start(
    _ operation: SwitchError.Operation,
    _ body: (SOCKET, inout DWORD, LPWSAOVERLAPPED, inout Int32) -> Int32
  ) throws(SwitchError) -> Transfer {
    let request = RequestPool.take()
    var count: DWORD = 0
    let answer: (result: Int32, error: Int32)
    do throws(SwitchError) {
      answer = try companion.call { descriptor, error in
        body(descriptor, &count, request.overlapped, &error)
      }
    } catch {
      RequestPool.put(request)
      throw error
    }
    if answer.result == 0 {
      // Done at once: no completion follows.
      request.complete(status: 0, byteCount: count)
    } else if answer.error != WSA_IO_PENDING {
      RequestPool.put(request)
      throw .refused(operation: operation, code: answer.error)
    }
    return Transfer(request, operation)
  }
}

extension WSABUF {
  init(_ buffer: UnsafeRawBufferPointer) {
    let start = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
    self.init(len: ULONG(buffer.count), buf: start?.assumingMemoryBound(to: CChar.self))
  }
}
