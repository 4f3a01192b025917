import Glibc
import Pindown

/// The server's end of one connection: memory that the client may write, of one of the two kinds.
final class DemoTarget {
  let buffer: UnsafeMutableRawBufferPointer
  private let socket: SwitchSocket
  /// Of a memfd, or from malloc where there is none.
  private let segment: MemfdSegment?
  private var registration: RDMAMemoryRegistration?

  /// How the client reaches the memory, as text.
  let descriptor: String

  /// Exposes the memory.
  init(_ socket: SwitchSocket, isPinned: Bool) throws {
    self.socket = socket
    let byteCount = SourceFile.byteCount
    if isPinned {
      segment = nil
      buffer = .allocate(byteCount: byteCount, alignment: 4096)
    } else {
      let segment = try MemfdSegment(byteCount: UInt(byteCount))
      buffer = UnsafeMutableRawBufferPointer(start: segment.baseAddress, count: byteCount)
      self.segment = consume segment
    }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    let exposed = try socket.registerRDMAMemory(buffer, access: .write)
    descriptor = Hexadecimal.text(exposed.descriptor.bytes)
    registration = consume exposed
  }

  deinit {
    registration = nil
    socket.close()
    if segment == nil { buffer.deallocate() }
  }

  /// How the NIC gets at the memory.
  var backing: String { segment == nil ? "pinned" : "mapped" }
}
