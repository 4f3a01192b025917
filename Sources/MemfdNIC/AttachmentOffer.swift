import VirtualMemory

/// What a peer needs to map memory that is exposed to it.
struct AttachmentOffer: ~Copyable {
  /// The memfd; open for reading only where the peer may only read.
  let descriptor: Descriptor
  /// Where the exposed range lies in the memfd, and how long it is: bytes.
  let offset: UInt64
  let length: UInt64
  let access: MemoryAccess

  init(
    descriptor: consuming Descriptor, offset: UInt64, length: UInt64, access: MemoryAccess
  ) {
    self.descriptor = descriptor
    self.offset = offset
    self.length = length
    self.access = access
  }
}
