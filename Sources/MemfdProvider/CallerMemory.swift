import CLinuxMemory
import CWinsockDirect

/// Memory that a caller of the SPI has named by a pointer, which may point anywhere: the kernel
/// copies it, and what cannot be read or written is a WSAEFAULT.
///
/// Not so `lpErrno`, which is NULL or can be written, and the overlapped structure of a request that
/// has begun, which belongs to the provider: they are accessed as any memory is, because that is
/// done all the time. Nor where a seccomp filter forbids the copying.
enum CallerMemory {
  /// A copy of the value there. Throws `.fault` for none.
  static func read<Value: BitwiseCopyable>(
    _ memory: UnsafeRawPointer?, as type: Value.Type = Value.self
  ) throws(SocketsError) -> Value {
    guard let memory else { throw .fault }
    let value = withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { copy -> Value? in
      guard copyIn(memory, UnsafeMutableRawBufferPointer(copy)), let base = copy.baseAddress
      else { return nil }
      return base.pointee
    }
    guard let value else { throw .fault }
    return value
  }

  /// Writes a value. Throws `.fault` where it cannot be written; a part of it may have been then.
  static func write<Value: BitwiseCopyable>(
    _ value: Value, to memory: UnsafeMutableRawPointer?
  ) throws(SocketsError) {
    let isWritten = withUnsafeBytes(of: value) { bytes in copyOut(bytes, memory) }
    if !isWritten { throw .fault }
  }

  /// Throws `.fault` where `byteCount` bytes cannot be written. They are written, with what is there
  /// already, so nobody else may be using them.
  static func checkWritable(
    _ memory: UnsafeMutableRawPointer?, _ byteCount: Int
  ) throws(SocketsError) {
    guard let memory else { throw .fault }
    let isWritable = withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { copy in
      copyIn(memory, copy) && copyOut(UnsafeRawBufferPointer(copy), memory)
    }
    if !isWritable { throw .fault }
  }

  private static func copyIn(
    _ memory: UnsafeRawPointer, _ copy: UnsafeMutableRawBufferPointer
  ) -> Bool {
    var piece = CLinuxMemory_piece(
      ours: copy.baseAddress, theirs: UnsafeMutableRawPointer(mutating: memory),
      length: copy.count)
    return CLinuxMemory_copy_from_caller(&piece, 1) == 1
  }

  private static func copyOut(
    _ bytes: UnsafeRawBufferPointer, _ memory: UnsafeMutableRawPointer?
  ) -> Bool {
    guard let memory else { return false }
    return CLinuxMemory_copy_to_caller(memory, bytes.baseAddress, bytes.count)
  }
}
