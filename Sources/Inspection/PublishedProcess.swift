import CLinuxMemory
import Glibc
import VirtualMemory

/// The published state of a process, mapped read-only: the reader's side of the memfd.
///
/// The process need not run: one that is stopped is read like any other. What it published is
/// parsed as hostile input; nothing here trusts a number from it. Any thread may use it.
package final class PublishedProcess: @unchecked Sendable {
  package let identity: ProcessIdentity
  /// Who may see the process, as the kernel has it: the owner of `/proc/<pid>`.
  package let userID: UInt32
  let base: UnsafeMutableRawPointer
  let descriptor: Int32
  /// The process's own number for the memfd.
  private let link: String

  package var pid: Int32 { identity.pid }
  var header: ProcessHeader { ProcessHeader(base: base) }

  /// Finds and maps what the process publishes.
  ///
  /// Throws `.notPublished` where there is no such process or it publishes nothing,
  /// `.notPermitted` where the kernel hides it from us, `.unknownLayout` where its library is of
  /// another version.
  package init(pid: Int32) throws(InspectionError) {
    guard let ticks = ProcessStart.ticks(of: pid) else { throw .notPublished }
    identity = ProcessIdentity(pid: pid, startTicks: ticks)
    userID = try Self.owner(of: pid)
    var found: (base: UnsafeMutableRawPointer, descriptor: Int32, link: String)?
    for number in try NumberedEntries.list("/proc/\(pid)/fd") {
      let link = "/proc/\(pid)/fd/\(number)"
      guard Self.isPublication(link) else { continue }
      // A child has its parent's descriptor until it publishes itself: look at all of them.
      if let mapped = try Self.map(link, identity: identity) {
        found = (mapped.base, mapped.descriptor, link)
        break
      }
    }
    guard let found else { throw .notPublished }
    (base, descriptor, link) = found
  }

  deinit {
    munmap(base, Layout.totalBytes)
    close(descriptor)
  }

  /// Whether the process still exists and publishes what was mapped.
  package var isAlive: Bool {
    Self.isPublication(link) && ProcessStart.ticks(of: pid) == identity.startTicks
  }

  private static func owner(of pid: Int32) throws(InspectionError) -> UInt32 {
    var status = stat()
    guard stat("/proc/\(pid)", &status) == 0 else { throw .notPublished }
    return status.st_uid
  }

  private static func isPublication(_ link: String) -> Bool {
    let expected = "/memfd:\(Layout.memfdName) (deleted)"
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      guard let text = buffer.baseAddress else { return false }
      let length = readlink(link, text, buffer.count)
      guard length == expected.utf8.count else { return false }
      return zip(buffer, expected.utf8).allSatisfy { UInt8(bitPattern: $0) == $1 }
    }
  }

  /// Maps the memfd, or returns nil where another process wrote it.
  private static func map(
    _ link: String, identity: ProcessIdentity
  ) throws(InspectionError) -> (base: UnsafeMutableRawPointer, descriptor: Int32)? {
    let descriptor = open(link, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == EACCES || errno == EPERM { throw .notPermitted }
      return nil
    }
    do {
      guard let base = try map(descriptor) else {
        close(descriptor)
        return nil
      }
      let header = ProcessHeader(base: base)
      if header.pid.load() == UInt32(bitPattern: identity.pid),
        header.startTicks.load() == identity.startTicks
      {
        return (base, descriptor)
      }
      munmap(base, Layout.totalBytes)
      close(descriptor)
      return nil
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Maps a memfd that is complete, of our layout, and sealed so that it cannot shrink under us.
  private static func map(_ descriptor: Int32) throws(InspectionError) -> UnsafeMutableRawPointer? {
    var start: (magic: UInt64, version: UInt32) = (0, 0)
    let length = withUnsafeMutableBytes(of: &start) { pread(descriptor, $0.baseAddress, 12, 0) }
    guard length == 12, start.magic == Layout.magic else { return nil }
    guard start.version == Layout.version else { throw .unknownLayout(version: start.version) }
    var status = stat()
    let seals = CLinuxMemory_get_seals(descriptor)
    guard fstat(descriptor, &status) == 0, status.st_size >= Layout.totalBytes, seals >= 0,
      seals & CLinuxMemory_seal_shrink != 0
    else { return nil }
    let mapping = mmap(nil, Layout.totalBytes, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let base = mapping, base != MAP_FAILED else { throw .system(errno: errno) }
    return base
  }
}
