public import CPindown
import SocketsSwitch
import VirtualMemory

// The C interface, fourth part: registrations and RDMA.

/// A registration as C holds it, of either kind.
private final class Registration {
  private var local: MemoryRegistration?
  private var exposed: RDMAMemoryRegistration?

  init(local: consuming MemoryRegistration) {
    self.local = consume local
  }

  init(exposed: consuming RDMAMemoryRegistration) {
    self.exposed = consume exposed
  }

  func deregister() throws(SwitchError) {
    if let local = local.take() { try local.deregister() }
    if let exposed = exposed.take() { try exposed.deregister() }
  }

  func write(
    on socket: SwitchSocket, to target: RDMADescriptor, at offset: UInt32, within timeout: Duration
  ) throws {
    guard local != nil else { throw CallerError.noBuffer }
    try socket.rdmaWrite(from: local!, to: target, at: offset, within: timeout)
  }

  func read(
    on socket: SwitchSocket, from source: RDMADescriptor, at offset: UInt32,
    within timeout: Duration
  ) throws {
    guard local != nil else { throw CallerError.noBuffer }
    try socket.rdmaRead(into: local!, from: source, at: offset, within: timeout)
  }
}

private func access(_ bits: UInt32) throws -> MemoryAccess {
  guard bits >= 1, bits <= 3 else { throw CallerError.badAccess(bits) }
  return MemoryAccess(rawValue: UInt8(bits))
}

private func bytes(
  _ start: UnsafeMutableRawPointer?, _ length: Int
) throws -> UnsafeMutableRawBufferPointer {
  guard let start else { throw CallerError.noBuffer }
  guard length >= 0, length <= Int(UInt32.max) else { throw CallerError.badLength }
  return UnsafeMutableRawBufferPointer(start: start, count: length)
}

private func descriptor(
  _ pointer: UnsafePointer<pindown_descriptor>?
) throws -> RDMADescriptor {
  guard let pointer else { throw CallerError.noBuffer }
  return try withUnsafeBytes(of: pointer.pointee.bytes) { bytes in
    guard pointer.pointee.length <= bytes.count else { throw CallerError.badDescriptor }
    return RDMADescriptor(bytes: bytes.prefix(Int(pointer.pointee.length)))
  }
}

@c @implementation
public func pindown_register(
  _ socket: OpaquePointer!, _ buffer: UnsafeMutableRawPointer!, _ length: Int, _ access: UInt32
) -> OpaquePointer! {
  ErrorText.noting(nil) {
    let socket = try Held.look(socket, as: SwitchSocket.self)
    let registration = try socket.registerMemory(
      bytes(buffer, length), access: Pindown.access(access))
    return Held.give(Registration(local: registration))
  }
}

@c @implementation
public func pindown_register_rdma(
  _ socket: OpaquePointer!, _ buffer: UnsafeMutableRawPointer!, _ length: Int, _ access: UInt32,
  _ descriptor: UnsafeMutablePointer<pindown_descriptor>!
) -> OpaquePointer! {
  ErrorText.noting(nil) {
    guard let descriptor else { throw CallerError.noBuffer }
    let socket = try Held.look(socket, as: SwitchSocket.self)
    let registration = try socket.registerRDMAMemory(
      bytes(buffer, length), access: Pindown.access(access))
    let name = registration.descriptor.bytes
    var answer = pindown_descriptor()
    try withUnsafeMutableBytes(of: &answer.bytes) { bytes in
      guard name.count <= bytes.count else { throw CallerError.badDescriptor }
      bytes.copyBytes(from: name)
    }
    answer.length = UInt32(name.count)
    descriptor.pointee = answer
    return Held.give(Registration(exposed: registration))
  }
}

@c @implementation
public func pindown_deregister(_ registration: OpaquePointer!) -> Int32 {
  ErrorText.noting(-1) {
    try Held.take(registration, as: Registration.self).deregister()
    return 0
  }
}

@c @implementation
public func pindown_rdma_write(
  _ socket: OpaquePointer!, _ source: OpaquePointer!,
  _ target: UnsafePointer<pindown_descriptor>!, _ offset: UInt32, _ timeout: UInt32
) -> Int32 {
  ErrorText.noting(-1) {
    let socket = try Held.look(socket, as: SwitchSocket.self)
    try Held.look(source, as: Registration.self).write(
      on: socket, to: descriptor(target), at: offset, within: .milliseconds(timeout))
    return 0
  }
}

@c @implementation
public func pindown_rdma_read(
  _ socket: OpaquePointer!, _ target: OpaquePointer!,
  _ source: UnsafePointer<pindown_descriptor>!, _ offset: UInt32, _ timeout: UInt32
) -> Int32 {
  ErrorText.noting(-1) {
    let socket = try Held.look(socket, as: SwitchSocket.self)
    try Held.look(target, as: Registration.self).read(
      on: socket, from: descriptor(source), at: offset, within: .milliseconds(timeout))
    return 0
  }
}
