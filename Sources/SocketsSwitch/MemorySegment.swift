import CWinsockDirect

/// A part of a registered buffer: an element of the local list of an RDMA request.
public struct MemorySegment: @unchecked Sendable {
  let handle: HANDLE
  let address: UInt
  let length: UInt32

  var native: WSABUFEX {
    WSABUFEX(
      len: length,
      buf: UnsafeMutableRawPointer(bitPattern: address)?.assumingMemoryBound(to: CChar.self),
      handle: handle)
  }
}
