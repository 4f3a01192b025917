import CWinsockDirect
import Glibc
import MemfdProvider
import Testing

/// A provider with sockets in every state, on which each function succeeds once with good memory.
struct PointerWorld {
  let provider: StartedProvider
  let pair: ConnectedPair
  /// Not bound; and with a connection request that waits.
  let fresh: TestSocket
  let listening: TestSocket
  private let calling: TestSocket
  let port: UInt16
  let event = TestSwitch.shared.makeEvent()
  let local = TestMemory(pages: 1)
  let handle: HANDLE
  /// What the far socket has shown to the near one.
  let remote: [UInt8]
  let request = TestRequest()
  /// What else the call is given to write to: a length of more than enough, and room.
  let length: UnsafeMutablePointer<INT>
  let room: UnsafeMutableRawPointer
  private let arguments: UnsafeMutableRawPointer

  static var plenty: INT { 600 }
  private static var roomBytes: Int { 4096 }

  init(_ provider: StartedProvider) throws {
    self.provider = provider
    pair = try ConnectedPair(provider)
    fresh = try TestSocket(provider)
    port = ConnectedPair.nextPort()
    listening = try TestSocket(provider)
    try #require(listening.bind(StartedProvider.addresses[0], port: port) == 0)
    try #require(listening.listen() == 0)
    try #require(listening.select(event, FD_ACCEPT) == 0)
    calling = try TestSocket(provider)
    try #require(calling.select(TestSwitch.shared.makeEvent(), FD_CONNECT) == 0)
    try #require(calling.connect(StartedProvider.addresses[0], port: port) == WSAEWOULDBLOCK)
    try #require(TestSwitch.shared.waitUntilSet(event))
    handle = try pair.near.register(local.base, local.length).get()
    remote = try pair.far.expose(local.base, local.length, MEM_READWRITE).get()
    length = .allocate(capacity: 1)
    room = .allocate(byteCount: Self.roomBytes, alignment: 8)
    arguments = .allocate(byteCount: Self.roomBytes, alignment: 8)
    resetOthers()
  }

  /// Ends what has begun, and frees the memory.
  func close() {
    pair.close()
    for socket in [fresh, listening, calling] { socket.close() }
    length.deallocate()
    room.deallocate()
    arguments.deallocate()
  }

  func resetOthers() {
    length.pointee = Self.plenty
    memset(room, 0xEE, Self.roomBytes)
  }

  /// Whether a call has written to nothing but its argument.
  var othersAreUntouched: Bool {
    length.pointee == Self.plenty
      && (0..<Self.roomBytes).allSatisfy { room.load(fromByteOffset: $0, as: UInt8.self) == 0xEE }
  }

  /// A right argument; those of one call in different places, of which there are four.
  func right(_ pointer: CallerPointer, _ place: Int) -> UnsafeMutableRawPointer {
    let memory = arguments + place * Self.roomBytes / 4
    fill(pointer, memory)
    return memory
  }

  /// Whether the event that says that a connection waits is still to be fetched.
  var hasEvent: Bool { TestSwitch.shared.isSet(event) }

  /// Writes what a right argument holds.
  func fill(_ pointer: CallerPointer, _ memory: UnsafeMutableRawPointer) {
    switch pointer {
    case .bindName: memory.storeBytes(of: address("10.99.0.1", 0), as: sockaddr_in.self)
    case .connectName: memory.storeBytes(of: address("10.99.0.1", port), as: sockaddr_in.self)
    case .acceptLength, .optionLength, .exposedLength:
      memory.storeBytes(of: Self.plenty, as: INT.self)
    case .extensionName: memory.storeBytes(of: WSAID_RDMAREAD, as: GUID.self)
    case .sendBuffers, .receiveBuffers:
      memory.storeBytes(of: WSABUF(local.base, 16), as: WSABUF.self)
    case .writeBuffers, .readBuffers:
      memory.storeBytes(of: WSABUFEX(local.base, 16, handle), as: WSABUFEX.self)
    case .writeDescriptor, .readDescriptor, .concealedDescriptor:
      memory.copyMemory(from: remote, byteCount: remote.count)
    case .sendOverlapped, .receiveOverlapped, .writeOverlapped, .readOverlapped:
      memory.storeBytes(of: request.overlapped.pointee, as: WSAOVERLAPPED.self)
    case .startUpcalls: memory.storeBytes(of: TestSwitch.upcalls, as: WSPUPCALLTABLEEX.self)
    default: memset(memory, 0, pointer.byteCount)
    }
  }
}
