import Glibc
import Inspection
import VirtualMemory

extension RegistrationCache {
  /// Registers a page and invalidates it, so that a hook is never the first to touch a lazily made
  /// global or a type's metadata: that would allocate. Nobody else uses the cache yet, and nothing
  /// is left of it in counters and events.
  func warmUp() throws(RegistrationCacheError) {
    try warmUpWithSegment()
    let memory = mmap(
      nil, Int(Page.size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw .exhausted }
    defer { munmap(memory, Int(Page.size)) }
    let start = UInt(bitPattern: memory)
    // Without a way to pin there will be no pin to release either.
    try? warmUp(AddressRange(start: start, end: start + Page.size))
  }

  private func warmUpWithSegment() throws(RegistrationCacheError) {
    let segment: MemfdSegment
    do {
      segment = try MemfdSegment(byteCount: Page.size)
    } catch {
      throw RegistrationCacheError(error)
    }
    try warmUp(segment.range)
  }

  private func warmUp(_ page: AddressRange) throws(RegistrationCacheError) {
    let event = publication.header.eventCount.load()
    release(try registerMissing(page, access: .read, adapter: nil))
    _ = lookUp(page, access: .readWrite, adapter: 0)
    guard invalidate(page) == .invalidated, invalidate(page) == .notCached else {
      preconditionFailure("a page that was just registered is not invalidated")
    }
    waitForSettled(since: state.settled.load(), deadline: 0)
    for counter in [record.misses, record.invalidations, record.failures] { counter.store(0) }
    _ = publication.header.eventCount.compareExchange(expected: event + 1, desired: event)
  }
}
