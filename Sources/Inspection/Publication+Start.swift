import CLinuxMemory
import Glibc
import VirtualMemory

extension Publication {
  private static let started = Lock<(pid: Int32, publication: Publication)?>(nil)

  /// The publication of this process, made at the first call (and anew in a child after a fork).
  ///
  /// Not for hook context: it may allocate. What it returns is.
  package static func current() throws(InspectionError) -> Publication {
    try started.withLock { (started) throws(InspectionError) in
      if let started, started.pid == getpid() { return started.publication }
      let publication = try make()
      started = (getpid(), publication)
      return publication
    }
  }

  private static func make() throws(InspectionError) -> Publication {
    let name = Layout.memfdName.utf8Start
    let descriptor = name.withMemoryRebound(
      to: CChar.self, capacity: Layout.memfdName.utf8CodeUnitCount
    ) {
      CLinuxMemory_memfd($0, Layout.totalBytes)
    }
    if descriptor < 0 { throw .system(errno: -descriptor) }
    let mapping = mmap(
      nil, Layout.totalBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
    guard let base = mapping, base != MAP_FAILED else {
      let error = errno
      close(descriptor)
      throw .system(errno: error)
    }
    // A child has no business in its parent's records.
    madvise(base, Layout.totalBytes, MADV_DONTFORK)
    // Our mapping stays writable; whoever else opens the memfd can only read it.
    _ = CLinuxMemory_add_seals(
      descriptor,
      CLinuxMemory_seal_shrink | CLinuxMemory_seal_grow | CLinuxMemory_seal_future_write)
    let publication = Publication(base: base, descriptor: descriptor)
    publication.writeHeader()
    return publication
  }

  private func writeHeader() {
    header.version.store(Layout.version)
    header.pid.store(UInt32(bitPattern: getpid()))
    header.startTicks.store(ProcessStart.ticks(of: getpid()) ?? 0)
    header.publishedAt.store(CLinuxMemory_realtime())
    header.magic.storeReleasing(Layout.magic)
  }
}
