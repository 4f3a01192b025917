import MemfdNIC
import Testing
import VirtualMemory

/// Two adapters of this process and a connection between them.
final class Pair {
  let pins: PinTable
  let near: MemfdNIC
  let far: MemfdNIC
  let nearRecorder = Recorder()
  let farRecorder = Recorder()
  let nearEnd: QueuePair
  let farEnd: QueuePair
  let listener: Listener

  init(_ mode: DMAMode = .strict) throws {
    pins = try PinTable()
    near = try MemfdNIC(
      NICConfiguration(name: "near", address: IPv4Address("10.99.0.1")!, prefixLength: 16),
      index: 0, provider: 0, pins: pins, mode: mode)
    far = try MemfdNIC(
      NICConfiguration(name: "far", address: IPv4Address("10.99.1.1")!, prefixLength: 16),
      index: 1, provider: 0, pins: pins, mode: mode)
    nearEnd = try near.makeQueuePair(handlers: nearRecorder.handlers)
    farEnd = try far.makeQueuePair(handlers: farRecorder.handlers)
    let recorder = farRecorder
    listener = try far.listen(port: 0, backlog: 4) { recorder.note { $0.requests += 1 } }
    try nearEnd.connect(to: far.configuration.address, port: listener.port, localPort: 0)
    try #require(farRecorder.wait { $0.requests == 1 })
    let request = try #require(listener.nextRequest())
    try request.accept(as: farEnd)
    try #require(nearRecorder.wait { $0.established == 1 })
  }

  /// What the engines may still work in while the adapters are up.
  private var buffers: [Buffer] = []

  /// Memory, registered at one of the adapters, for as long as the pair exists.
  func buffer(_ kind: Kind, bytes: UInt, at nic: MemfdNIC) throws -> Buffer {
    let buffer = try Buffer(kind, bytes: bytes, at: nic, pins: pins)
    buffers.append(buffer)
    return buffer
  }

  deinit {
    near.shutDown()
    far.shutDown()
  }
}

extension QueuePair {
  func send(_ segments: [LocalSegment], _ context: UInt64) throws {
    try segments.withUnsafeBufferPointer { try postSend($0, context: context) }
  }
  func receive(_ segments: [LocalSegment], _ context: UInt64) throws {
    try segments.withUnsafeBufferPointer { try postReceive($0, context: context) }
  }
  func write(
    _ segments: [LocalSegment], to remote: RemoteDescriptor, _ offset: UInt64 = 0,
    _ context: UInt64
  ) throws {
    try segments.withUnsafeBufferPointer {
      try postWrite($0, remote: remote, offset: offset, context: context)
    }
  }
  func read(
    _ segments: [LocalSegment], from remote: RemoteDescriptor, _ offset: UInt64 = 0,
    _ context: UInt64
  ) throws {
    try segments.withUnsafeBufferPointer {
      try postRead($0, remote: remote, offset: offset, context: context)
    }
  }
}
