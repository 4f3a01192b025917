import CWinsockDirect
import Pindown

// Transfers: all of them are done when the call returns, except a receive that comes before its
// message. Memory is only touched while its registration is entered, so it cannot go meanwhile.

extension Provider {
  /// Runs `body` inside the registration; `WSAEFAULT` where its mapping has changed.
  private func inside<Result>(
    _ registration: LoopbackSocket.Registration, _ body: () -> Result
  ) throws(Failure) -> Result {
    guard let key = Self.cache?.key(registration.region, adapter: adapter), Adapter.enter(key)
    else { throw Failure(WSAEFAULT) }
    defer { Adapter.leave(key) }
    return body()
  }

  private static func memory(_ buffer: WSABUF) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: buffer.buf, count: Int(buffer.len))
  }

  private static func range(
    _ memory: UnsafeMutableRawBufferPointer
  ) throws(Failure) -> AddressRange {
    let range = AddressRange(
      start: UInt(bitPattern: memory.baseAddress), length: UInt(memory.count))
    guard let range else { throw Failure(WSAEFAULT) }
    return range
  }

  mutating func send(
    _ s: SOCKET, _ buffers: LPWSABUF?, _ count: DWORD, _ sent: LPDWORD?
  ) throws(Failure) {
    let socket = try connected(s)
    guard let peer = socket.peer else { throw Failure(WSAECONNRESET) }
    var message: [UInt8] = []
    for buffer in UnsafeBufferPointer(start: buffers, count: Int(count)) where buffer.len > 0 {
      let memory = Self.memory(buffer)
      let source = try socket.registration(covering: try Self.range(memory), access: .read)
      message += try inside(source) { Array(memory) }
    }
    peer.messages.append(message)
    sent?.pointee = DWORD(message.count)
    deliver(to: peer)
  }

  mutating func receive(
    _ s: SOCKET, _ buffers: LPWSABUF?, _ count: DWORD, _ received: LPDWORD?,
    _ overlapped: LPWSAOVERLAPPED?
  ) throws(Failure) {
    let socket = try connected(s)
    guard let overlapped else { throw Failure(WSAEINVAL) }
    let memory = UnsafeBufferPointer(start: buffers, count: Int(count)).map(Self.memory)
    for buffer in memory where buffer.count > 0 {
      _ = try socket.registration(covering: try Self.range(buffer), access: .write)
    }
    SharedWord(UnsafeMutableRawPointer(overlapped)).store(UInt64(WSS_OPERATION_IN_PROGRESS))
    socket.receives.append(LoopbackSocket.Receive(buffers: memory, overlapped: overlapped))
    deliver(to: socket)
    throw Failure(WSA_IO_PENDING)
  }

  /// Brings messages and receives together, one to one.
  private mutating func deliver(to socket: LoopbackSocket) {
    while !socket.messages.isEmpty && !socket.receives.isEmpty {
      let receive = socket.receives.removeFirst()
      do throws(Failure) {
        try place(socket.messages[0], in: receive.buffers, of: socket)
      } catch {
        news.append(.completion(socket.handle, receive.overlapped, error: error.code, byteCount: 0))
        continue
      }
      let message = socket.messages.removeFirst()
      news.append(
        .completion(socket.handle, receive.overlapped, error: 0, byteCount: message.count))
    }
  }

  private func place(
    _ message: [UInt8], in buffers: [UnsafeMutableRawBufferPointer], of socket: LoopbackSocket
  ) throws(Failure) {
    var rest = message[...]
    for buffer in buffers where buffer.count > 0 {
      let target = try socket.registration(covering: try Self.range(buffer), access: .write)
      let part = rest.prefix(buffer.count)
      try inside(target) { buffer.copyBytes(from: part) }
      rest = rest.dropFirst(part.count)
    }
    if !rest.isEmpty { throw Failure(WSAEMSGSIZE) }
  }

  /// RDMA: both ends are entered, and the bytes copied between them.
  mutating func transfer(
    _ s: SOCKET, _ buffers: LPWSABUFEX?, _ count: DWORD, _ descriptor: Descriptor,
    offset: DWORD, writes: Bool, _ transferred: LPDWORD?
  ) throws(Failure) {
    let socket = try connected(s)
    guard let remote = socket.peer?.exposed[descriptor.key],
      remote.access.isSuperset(of: writes ? .write : .read)
    else { throw Failure(WSAEINVAL) }
    var position = UInt64(remote.range.start) + UInt64(offset)
    for buffer in UnsafeBufferPointer(start: buffers, count: Int(count)) {
      guard let local = socket.registrations[UInt(bitPattern: buffer.handle)],
        position + UInt64(buffer.len) <= UInt64(remote.range.end)
      else { throw Failure(WSAEINVAL) }
      let memory = UnsafeMutableRawBufferPointer(start: buffer.buf, count: Int(buffer.len))
      guard local.range.contains(try Self.range(memory)),
        local.access.isSuperset(of: writes ? .read : .write)
      else { throw Failure(WSAEFAULT) }
      let far = UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: UInt(position)), count: memory.count)
      let copied = try inside(remote) { () -> Failure? in
        do throws(Failure) {
          try inside(local) {
            writes ? far.copyBytes(from: memory) : memory.copyBytes(from: far)
          }
          return nil
        } catch {
          return error
        }
      }
      if let copied { throw copied }
      position += UInt64(buffer.len)
    }
    transferred?.pointee = DWORD(position - UInt64(remote.range.start) - UInt64(offset))
  }
}
