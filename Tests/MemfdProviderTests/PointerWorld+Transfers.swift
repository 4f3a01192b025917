import CWinsockDirect

extension PointerWorld {
  /// As the other calls, for those that start a request.
  func transfer(_ pointer: CallerPointer, _ memory: UnsafeMutableRawPointer?) -> INT {
    let isOverlapped =
      switch pointer {
      case .sendOverlapped, .receiveOverlapped, .writeOverlapped, .readOverlapped: true
      default: false
      }
    let structure =
      isOverlapped ? memory?.assumingMemoryBound(to: WSAOVERLAPPED.self) : request.overlapped
    switch pointer {
    case .sendBuffers, .sendOverlapped:
      let buffers = pointer == .sendBuffers ? memory : right(.sendBuffers, 0)
      return failure {
        provider.functions.lpWSPSend(
          pair.near.descriptor, buffers?.assumingMemoryBound(to: WSABUF.self), 1, nil, 0,
          structure, nil, nil, $0)
      }
    case .receiveBuffers, .receiveFlags, .receiveOverlapped:
      let buffers = pointer == .receiveBuffers ? memory : right(.receiveBuffers, 0)
      let flags = pointer == .receiveFlags ? memory : right(.receiveFlags, 1)
      return failure {
        provider.functions.lpWSPRecv(
          pair.near.descriptor, buffers?.assumingMemoryBound(to: WSABUF.self), 1, nil,
          flags?.assumingMemoryBound(to: DWORD.self), structure, nil, nil, $0)
      }
    case .writeBuffers, .writeDescriptor, .writeOverlapped:
      let buffers = pointer == .writeBuffers ? memory : right(.writeBuffers, 0)
      let descriptor = pointer == .writeDescriptor ? memory : right(.writeDescriptor, 1)
      return failure {
        provider.rdmaWrite(
          pair.near.descriptor, buffers?.assumingMemoryBound(to: WSABUFEX.self), 1, descriptor,
          32, 0, nil, 0, structure, nil, nil, $0)
      }
    default:
      let buffers = pointer == .readBuffers ? memory : right(.readBuffers, 0)
      let descriptor = pointer == .readDescriptor ? memory : right(.readDescriptor, 1)
      return failure {
        provider.rdmaRead(
          pair.near.descriptor, buffers?.assumingMemoryBound(to: WSABUFEX.self), 1, descriptor,
          32, 0, nil, 0, structure, nil, nil, $0)
      }
    }
  }
}
