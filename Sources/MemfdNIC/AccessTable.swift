import CLinuxMemory
import CMemfdNIC
import Glibc

/// The gates of what one end of a connection exposes in mapped memory, in a memfd that both ends
/// map: the peer enters a gate itself before it touches the memory behind it.
///
/// Whatever the peer writes there can only harm the peer's own connection: nothing but gate words
/// is read from it, with bounded waits.
struct AccessTable: ~Copyable, @unchecked Sendable {
  /// The memfd, to be sent to whoever else shall map it.
  let descriptor: Descriptor
  private let base: UnsafeMutableRawPointer

  /// Gates do not share a cache line.
  private static let stride = 64
  static let byteCount = Limits.maximumExposures * stride

  deinit {
    munmap(base, Self.byteCount)
  }

  func gate(_ slot: UInt32) -> Gate {
    precondition(slot < UInt32(Limits.maximumExposures), "a gate outside its table")
    return Gate(base + Int(slot) * Self.stride)
  }

  /// The memfd for a table of our own.
  static func makeMemory() throws(MemfdNICError) -> Descriptor {
    let number = CLinuxMemory_memfd("pindown-access", byteCount)
    if number < 0 { throw .system(errno: -number) }
    let descriptor = Descriptor(number)
    let seals = CLinuxMemory_seal_shrink | CLinuxMemory_seal_grow
    let error = CLinuxMemory_add_seals(number, seals)
    if error < 0 { throw .system(errno: -error) }
    return descriptor
  }

  /// Maps a table: ours, or the peer's. `protocolViolation` where it is not what a table must be.
  init(_ descriptor: consuming Descriptor) throws(MemfdNICError) {
    if CMemfdNIC_sealed_length(descriptor.number) != Int64(Self.byteCount) {
      throw .protocolViolation
    }
    let base = mmap(
      nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
    guard let base, base != MAP_FAILED else { throw .exhausted }
    madvise(base, Self.byteCount, MADV_DONTFORK)
    self.descriptor = descriptor
    self.base = base
  }
}
