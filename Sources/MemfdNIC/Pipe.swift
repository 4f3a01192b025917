import CMemfdNIC

/// A pipe for the bulk of the data.
struct Pipe: ~Copyable {
  let readEnd: Descriptor
  let writeEnd: Descriptor

  /// A pipe with `bytes` of room, or less where the system refuses; neither end ever blocks.
  init(bytes: Int32) throws(MemfdNICError) {
    var readEnd: Int32 = -1
    var writeEnd: Int32 = -1
    let error = CMemfdNIC_pipe(bytes, &readEnd, &writeEnd)
    if error < 0 { throw .system(errno: -error) }
    self.readEnd = Descriptor(readEnd)
    self.writeEnd = Descriptor(writeEnd)
  }

  enum Direction { case reading, writing }

  /// An end that came from a peer, through a description of our own: the peer cannot make it
  /// block.
  ///
  /// Throws `protocolViolation` where it is no pipe, or not open in that direction any more.
  static func adopt(
    _ received: borrowing Descriptor, for direction: Direction
  ) throws(MemfdNICError) -> Descriptor {
    if !CMemfdNIC_is_pipe(received.number) { throw .protocolViolation }
    let number = CMemfdNIC_reopen(
      received.number, direction == .reading, direction == .writing)
    if number < 0 { throw .protocolViolation }
    return Descriptor(number)
  }
}
