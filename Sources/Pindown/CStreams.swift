public import CPindown
import SocketsSwitch
import StreamSockets

// The C interface of pindown_stream.h.

private func options(
  _ given: UnsafePointer<pindown_stream_options>?
) throws -> StreamOptions {
  var options = StreamOptions()
  guard let given = given?.pointee else { return options }
  guard given.size == MemoryLayout<pindown_stream_options>.size else {
    throw CallerError.unknownSize(given.size)
  }
  if given.rdma_threshold != 0 { options.rdmaThreshold = Int(given.rdma_threshold) }
  if given.receive_count != 0 { options.receiveCount = Int(given.receive_count) }
  if given.message_size != 0 { options.messageSize = Int(given.message_size) }
  options.usesRDMARead = given.avoid_read == 0
  if given.stall_limit != 0 { options.stallLimit = .milliseconds(given.stall_limit) }
  return options
}

private func socketAddress(
  _ text: UnsafePointer<CChar>?, _ port: UInt16
) throws -> SocketAddress {
  guard let text, let address = IPv4Address(String(cString: text)) else {
    throw CallerError.badAddress
  }
  return SocketAddress(address, port: port)
}

@c @implementation
public func pindown_stream_listen(
  _ address: UnsafePointer<CChar>!, _ port: UInt16,
  _ options: UnsafePointer<pindown_stream_options>!
) -> OpaquePointer! {
  ErrorText.noting(nil) {
    Held.give(
      try StreamListener(
        at: socketAddress(address, port), through: CSwitch.current(),
        options: Pindown.options(options)))
  }
}

@c @implementation
public func pindown_stream_port(_ listener: OpaquePointer!) -> UInt16 {
  ErrorText.noting(0) { try Held.look(listener, as: StreamListener.self).address.port }
}

@c @implementation
public func pindown_stream_accept(
  _ listener: OpaquePointer!, _ timeout: UInt32
) -> OpaquePointer! {
  ErrorText.noting(nil) {
    let listener = try Held.look(listener, as: StreamListener.self)
    return Held.give(try listener.accept(within: .milliseconds(timeout)))
  }
}

@c @implementation
public func pindown_stream_close_listener(_ listener: OpaquePointer!) {
  ErrorText.noting(()) { try Held.take(listener, as: StreamListener.self).close() }
}

@c @implementation
public func pindown_stream_connect(
  _ address: UnsafePointer<CChar>!, _ port: UInt16, _ timeout: UInt32,
  _ options: UnsafePointer<pindown_stream_options>!
) -> OpaquePointer! {
  ErrorText.noting(nil) {
    Held.give(
      try StreamSocket.connect(
        to: socketAddress(address, port), through: CSwitch.current(),
        within: .milliseconds(timeout), options: Pindown.options(options)))
  }
}

@c @implementation
public func pindown_stream_send(
  _ stream: OpaquePointer!, _ buffer: UnsafeRawPointer!, _ length: Int, _ timeout: UInt32
) -> Int64 {
  ErrorText.noting(-1) {
    guard buffer != nil || length == 0 else { throw CallerError.noBuffer }
    guard length >= 0 else { throw CallerError.badLength }
    let stream = try Held.look(stream, as: StreamSocket.self)
    let bytes = UnsafeRawBufferPointer(start: buffer, count: length)
    do throws(StreamError) {
      try stream.send(bytes, within: .milliseconds(timeout))
      return Int64(length)
    } catch .timedOut(let byteCount) {
      return Int64(byteCount)
    } catch {
      throw error
    }
  }
}

@c @implementation
public func pindown_stream_receive(
  _ stream: OpaquePointer!, _ buffer: UnsafeMutableRawPointer!, _ room: Int, _ timeout: UInt32
) -> Int64 {
  ErrorText.noting(-1) {
    guard let buffer else { throw CallerError.noBuffer }
    // No room would look like the end.
    guard room > 0 else { throw CallerError.badLength }
    let stream = try Held.look(stream, as: StreamSocket.self)
    let bytes = UnsafeMutableRawBufferPointer(start: buffer, count: room)
    return Int64(try stream.receive(into: bytes, within: .milliseconds(timeout)))
  }
}

@c @implementation
public func pindown_stream_finish(_ stream: OpaquePointer!) -> Int32 {
  ErrorText.noting(-1) {
    try Held.look(stream, as: StreamSocket.self).finishSending()
    return 0
  }
}

@c @implementation
public func pindown_stream_close(_ stream: OpaquePointer!) {
  ErrorText.noting(()) { try Held.take(stream, as: StreamSocket.self).close() }
}

@c @implementation
public func pindown_stream_abort(_ stream: OpaquePointer!) {
  ErrorText.noting(()) { try Held.take(stream, as: StreamSocket.self).abort() }
}

@c @implementation
public func pindown_stream_transport(_ stream: OpaquePointer!) -> Int32 {
  ErrorText.noting(-1) {
    switch try Held.look(stream, as: StreamSocket.self).transport {
    case .tcp: PINDOWN_STREAM_TCP
    case .provider: PINDOWN_STREAM_PROVIDER
    }
  }
}
