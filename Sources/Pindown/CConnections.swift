import CPindown
import SocketsSwitch

// The C interface, third part: listeners, sockets and messages.

/// An object of this library as C holds it: one reference.
enum Held {
  static func give(_ object: AnyObject) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(object).toOpaque())
  }

  static func look<Object: AnyObject>(_ pointer: OpaquePointer?, as: Object.Type) throws -> Object {
    guard let pointer else { throw CallerError.noBuffer }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  static func take<Object: AnyObject>(_ pointer: OpaquePointer?, as: Object.Type) throws -> Object {
    guard let pointer else { throw CallerError.noBuffer }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeRetainedValue()
  }
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
public func pindown_listen(
  _ address: UnsafePointer<CChar>!, _ port: UInt16
) -> OpaquePointer! {
  ErrorText.noting(nil) {
    Held.give(try CSwitch.current().listen(at: socketAddress(address, port)))
  }
}

@c @implementation
public func pindown_port(_ listener: OpaquePointer!) -> UInt16 {
  ErrorText.noting(0) { try Held.look(listener, as: Listener.self).address.port }
}

@c @implementation
public func pindown_accept(_ listener: OpaquePointer!, _ timeout: UInt32) -> OpaquePointer! {
  ErrorText.noting(nil) {
    let listener = try Held.look(listener, as: Listener.self)
    return Held.give(try listener.accept(within: .milliseconds(timeout)))
  }
}

@c @implementation
public func pindown_close_listener(_ listener: OpaquePointer!) {
  ErrorText.noting(()) { try Held.take(listener, as: Listener.self).close() }
}

@c @implementation
public func pindown_connect(
  _ address: UnsafePointer<CChar>!, _ port: UInt16, _ timeout: UInt32
) -> OpaquePointer! {
  ErrorText.noting(nil) {
    Held.give(
      try CSwitch.current().connect(
        to: socketAddress(address, port), within: .milliseconds(timeout)))
  }
}

@c @implementation
public func pindown_close(_ socket: OpaquePointer!) {
  ErrorText.noting(()) { try Held.take(socket, as: SwitchSocket.self).close() }
}

@c @implementation
public func pindown_send(
  _ socket: OpaquePointer!, _ message: UnsafeRawPointer!, _ length: Int, _ timeout: UInt32
) -> Int32 {
  ErrorText.noting(-1) {
    guard message != nil || length == 0 else { throw CallerError.noBuffer }
    guard length >= 0 else { throw CallerError.badLength }
    let bytes = Array(UnsafeRawBufferPointer(start: message, count: length))
    try Held.look(socket, as: SwitchSocket.self)
      .sendMessage(bytes, within: .milliseconds(timeout))
    return 0
  }
}

@c @implementation
public func pindown_receive(
  _ socket: OpaquePointer!, _ buffer: UnsafeMutableRawPointer!, _ room: Int, _ timeout: UInt32
) -> Int32 {
  ErrorText.noting(-1) {
    guard let buffer else { throw CallerError.noBuffer }
    let socket = try Held.look(socket, as: SwitchSocket.self)
    let bytes = try socket.receiveMessage(within: .milliseconds(timeout))
    guard bytes.count <= room else { throw CallerError.badLength }
    UnsafeMutableRawBufferPointer(start: buffer, count: room).copyBytes(from: bytes)
    return Int32(bytes.count)
  }
}
