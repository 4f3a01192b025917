import Glibc

/// The physical pages that a process has mapped, from its pagemap.
package struct PageFrames: ~Copyable, Sendable {
  private let descriptor: Int32

  /// Opens the pagemap of a process, of this one by default.
  ///
  /// Throws `.notPermitted` where the kernel would show no frames to this reader: they are zero
  /// without CAP_SYS_ADMIN.
  package init(of pid: Int32? = nil) throws(VirtualMemoryError) {
    guard Abilities.current.seesPageFrames else { throw .notPermitted }
    let path = pid.map { "/proc/\($0)/pagemap" } ?? "/proc/self/pagemap"
    let opened = open(path, O_RDONLY | O_CLOEXEC)
    if opened < 0 { throw .system(errno: errno) }
    descriptor = opened
  }

  deinit {
    close(descriptor)
  }

  /// Reads the frame number of each page from `range.start` on; 0 where no page is present.
  /// Returns how many were read. One system call for each call; no allocation.
  package func read(
    _ range: AddressRange, into frames: UnsafeMutableBufferPointer<UInt64>
  ) -> Int {
    let wanted = min(Int(range.pageCount), frames.count)
    if wanted == 0 { return 0 }
    let offset = off_t(range.start >> Page.shift) * 8
    var length = pread(descriptor, frames.baseAddress, wanted * 8, offset)
    while length < 0, errno == EINTR {
      length = pread(descriptor, frames.baseAddress, wanted * 8, offset)
    }
    let count = max(0, length / 8)
    for index in 0..<count {
      let present = frames[index] >> 63 != 0
      frames[index] = present ? frames[index] & Self.frameMask : 0
    }
    return count
  }

  private static var frameMask: UInt64 { (1 << 55) - 1 }
}
