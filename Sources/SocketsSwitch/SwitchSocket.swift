import CWinsockDirect
import Glibc
public import VirtualMemory

/// A connection through a provider's adapter.
///
/// Any thread; several transfers may be outstanding. It closes when the last reference to it goes,
/// or by `close()`.
public final class SwitchSocket: Sendable {
  /// The other end.
  public let peer: SocketAddress
  let companion: CompanionSocket
  /// Made at the first short message.
  let messages = Lock<MessageBuffers?>(nil)

  init(_ companion: CompanionSocket, peer: SocketAddress) {
    self.companion = companion
    self.peer = peer
  }

  deinit {
    close()
  }

  /// The path of the provider's library that the connection runs through.
  public var provider: String { companion.library.path }

  /// Whether this side's provider can RDMA read.
  public var canRead: Bool { companion.library.functions.rdmaRead != nil }

  /// The most bytes that one RDMA request may transfer.
  public var maximumRDMALength: UInt32 { limit(SO_MAX_RDMA_SIZE) }

  /// The most bytes that one send may transfer.
  public var maximumMessageLength: UInt32 { limit(SO_MAX_MSG_SIZE) }

  /// An option that a provider without such a limit need not know.
  private func limit(_ option: Int32) -> UInt32 {
    var value: UInt32 = 0
    var length = INT(MemoryLayout<UInt32>.size)
    let answer = try? companion.call { descriptor, error in
      withUnsafeMutableBytes(of: &value) { bytes in
        companion.library.procedures.lpWSPGetSockOpt(
          descriptor, WSA_SOL_SOCKET, option,
          bytes.baseAddress?.assumingMemoryBound(to: CChar.self), &length, &error)
      }
    }
    return answer?.result != 0 || value == 0 ? .max : value
  }

  /// Closes the connection; pending transfers complete with WSA_OPERATION_ABORTED, and what was
  /// registered on it is released.
  public func close() {
    companion.close()
  }

  /// Registers a buffer for transfers that this side starts.
  ///
  /// - Parameter access: `.read` for a source, `.write` for a target.
  /// - Throws: `.refused` with WSAEFAULT where the memory is not mapped or the access not allowed,
  ///   WSAENOBUFS where no more memory can be pinned.
  public func registerMemory(
    _ buffer: UnsafeMutableRawBufferPointer, access: MemoryAccess
  ) throws(SwitchError) -> MemoryRegistration {
    let (handle, code) = try companion.call { descriptor, error in
      companion.library.functions.registerMemory(
        descriptor, buffer.baseAddress, DWORD(buffer.count), DWORD(access.rawValue), &error)
    }
    guard let handle else { throw .refused(operation: .registerMemory, code: code) }
    return MemoryRegistration(companion, handle, Self.range(of: buffer))
  }

  /// Registers a buffer for the peer to reach by RDMA.
  ///
  /// - Parameter access: `.read` lets the peer read it, `.write` lets it write.
  /// - Throws: as `registerMemory(_:access:)` does.
  public func registerRDMAMemory(
    _ buffer: UnsafeMutableRawBufferPointer, access: MemoryAccess
  ) throws(SwitchError) -> RDMAMemoryRegistration {
    var bytes: [UInt8] = []
    var length: DWORD = 0
    while true {
      let (result, code) = try companion.call { descriptor, error in
        bytes.withUnsafeMutableBytes {
          companion.library.functions.registerRDMAMemory(
            descriptor, buffer.baseAddress, DWORD(buffer.count), DWORD(access.rawValue),
            $0.baseAddress, &length, &error)
        }
      }
      if result == 0 {
        let descriptor = RDMADescriptor(bytes: bytes.prefix(Int(length)))
        return RDMAMemoryRegistration(companion, descriptor, Self.range(of: buffer))
      }
      // The first call is to learn the size; a length that grew says that there was no room.
      if code != WSAEFAULT || length <= bytes.count || length > Limits.maximumDescriptorBytes {
        throw .refused(operation: .registerRDMAMemory, code: code)
      }
      bytes = [UInt8](repeating: 0, count: Int(length))
    }
  }

  private static func range(of buffer: UnsafeMutableRawBufferPointer) -> AddressRange {
    let start = UInt(bitPattern: buffer.baseAddress)
    return AddressRange(start: start, end: start + UInt(buffer.count))
  }
}
