import CLinuxMemory
import CWinsockDirect
import MemfdNIC

/// What a transfer function is given by pointers. The caller's memory is looked at once, all of it
/// with one system call, and not again (C72).
///
/// Of the overlapped structure it is only found out that it can be read: from the start of the
/// request to its end it belongs to the provider, which writes to it as to memory of its own.
struct TransferArguments<Buffer: BitwiseCopyable> {
  private let buffers: UnsafeMutablePointer<Buffer>?
  let bufferCount: Int
  /// Nil for functions that have none.
  private let descriptor: LPVOID?
  private let flags: LPDWORD?
  let overlapped: LPWSAOVERLAPPED

  /// Checks what can be checked without looking at the memory. The structure is what the switch
  /// always passes, and a completion routine is what it never does (spec 5.5).
  ///
  /// - Throws: `.fault` where there is no array, `.invalid` where it has too many elements, and for
  ///   no structure; `.notSupported` for a completion routine.
  init(
    _ buffers: UnsafeMutablePointer<Buffer>?, count: DWORD, descriptor: LPVOID? = nil,
    flags: LPDWORD? = nil, _ overlapped: LPWSAOVERLAPPED?,
    _ routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE?
  ) throws(SocketsError) {
    if buffers == nil && count > 0 { throw .fault }
    if count > DWORD(ProviderLimits.maximumBuffers) { throw .invalid }
    guard let overlapped else { throw .invalid }
    if routine != nil { throw .notSupported }
    if !Overlapped.isAligned(overlapped) { throw .fault }
    self.buffers = buffers
    bufferCount = Int(count)
    self.descriptor = descriptor
    self.flags = flags
    self.overlapped = overlapped
  }

  /// Copies everything: the array to `copy`, which has room for `bufferCount` elements.
  ///
  /// - Throws: `.fault` where the memory cannot be read, `.invalid` for the descriptor's.
  func read(buffers copy: UnsafeMutablePointer<Buffer>?) throws(SocketsError) -> TransferValues {
    var flags: DWORD = 0
    var descriptor = TransferValues.noDescriptor
    var structure = WSAOVERLAPPED()
    let read = withUnsafeMutableBytes(of: &flags) { flags in
      withUnsafeMutableBytes(of: &descriptor) { descriptor in
        withUnsafeMutableBytes(of: &structure) { structure in
          readPieces(copy, flags, descriptor, structure)
        }
      }
    }
    // In the order of the pieces.
    if read < 2 { throw .fault }
    if read < 3 { throw .invalid }
    if read < 4 { throw .fault }
    return TransferValues(
      flags: flags, descriptor: descriptor, isPolled: Overlapped.isPolled(structure))
  }

  /// How many of the four could be read.
  private func readPieces(
    _ copy: UnsafeMutablePointer<Buffer>?, _ flagsCopy: UnsafeMutableRawBufferPointer,
    _ descriptorCopy: UnsafeMutableRawBufferPointer,
    _ structureCopy: UnsafeMutableRawBufferPointer
  ) -> Int32 {
    withUnsafeTemporaryAllocation(of: CLinuxMemory_piece.self, capacity: 4) { pieces in
      pieces[0] = CLinuxMemory_piece(
        ours: flagsCopy.baseAddress, theirs: flags, length: flags == nil ? 0 : flagsCopy.count)
      pieces[1] = CLinuxMemory_piece(
        ours: copy, theirs: buffers, length: bufferCount * MemoryLayout<Buffer>.stride)
      pieces[2] = CLinuxMemory_piece(
        ours: descriptorCopy.baseAddress, theirs: descriptor,
        length: descriptor == nil ? 0 : descriptorCopy.count)
      pieces[3] = CLinuxMemory_piece(
        ours: structureCopy.baseAddress, theirs: overlapped, length: structureCopy.count)
      return CLinuxMemory_copy_from_caller(pieces.baseAddress, 4)
    }
  }
}
