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
}
