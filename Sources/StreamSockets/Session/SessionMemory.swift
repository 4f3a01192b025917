import SocketsSwitch
import VirtualMemory

/// The registered memory of a session's messages: one pool to send from, one to receive into (spec
/// section 4.2).
///
/// It is a memfd's, so that messages work where nothing can be pinned. Nothing of it is ever
/// exposed to the peer.
final class SessionMemory: Sendable {
  /// Bytes of a receive, and of a message with data that is sent.
  let messageBytes: Int
  let receiveCount: Int
  let dataSendCount: Int

  private static let controlBytes = 512
  private let segment: MemfdSegment
  private let outgoing: MemoryRegistration
  private let incoming: MemoryRegistration

  /// Makes and registers the memory; the socket must be connected.
  init(for socket: SwitchSocket, _ options: StreamOptions) throws(StreamError) {
    messageBytes = min(options.messageSize, Int(clamping: socket.maximumMessageLength))
    receiveCount = options.receiveCount + Limits.controlReceiveCount
    dataSendCount = options.receiveCount
    let sendBytes =
      dataSendCount * messageBytes + Limits.controlSendCount * Self.controlBytes
    let receiveBytes = receiveCount * messageBytes
    do throws(VirtualMemoryError) {
      segment = try MemfdSegment(byteCount: UInt(sendBytes + receiveBytes))
    } catch {
      throw .provider(.messageMemoryUnavailable(reason: "\(error)"))
    }
    do throws(SwitchError) {
      outgoing = try socket.registerMemory(Self.part(segment, at: 0, sendBytes), access: .read)
      incoming = try socket.registerMemory(
        Self.part(segment, at: sendBytes, receiveBytes), access: .write)
    } catch {
      throw StreamError(error)
    }
  }

  private static func part(
    _ segment: borrowing MemfdSegment, at offset: Int, _ count: Int
  ) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: segment.baseAddress + offset, count: count)
  }

  /// The buffer of a message with data.
  func dataSend(_ index: Int) -> UnsafeMutableRawBufferPointer {
    Self.part(segment, at: index * messageBytes, messageBytes)
  }

  /// The buffer of a message that needs no credit.
  func controlSend(_ index: Int) -> UnsafeMutableRawBufferPointer {
    let base = dataSendCount * messageBytes
    return Self.part(segment, at: base + index * Self.controlBytes, Self.controlBytes)
  }

  func receive(_ index: Int) -> UnsafeMutableRawBufferPointer {
    let base = dataSendCount * messageBytes + Limits.controlSendCount * Self.controlBytes
    return Self.part(segment, at: base + index * messageBytes, messageBytes)
  }
}
