import CLinuxMemory
import CSyscallInterception
import Glibc
import VirtualMemory

/// The monitor *userfaultfd*: the kernel tells of every unmapping, moving and dropping of pages in
/// the mappings that hold secured regions, by whatever route it came.
///
/// - Mappings are watched whole, so that none is split. They stay watched when nothing in them is
///   secured any more; unmapping a part of one costs its thread the reader's waking, 30 us or so.
/// - A kernel from 6.7 on lets private mappings of files be watched, too. SysV segments can be, but
///   detaching them raises no event.
/// - Where another userfaultfd watches a mapping ours cannot. Where ours does, *entries* and
///   *dispatch* see the application register its own, and ours gives way; a raw ioctl that neither
///   sees is refused (EBUSY). The same goes for MADV_COLLAPSE of memory with holes. What was given
///   up is watched again when something in it is secured anew.
/// - The kernel does not merge a watched mapping with neighbours that the application makes later. To
///   a mremap of both that is no mapping: *entries* and *dispatch* therefore carry it out piece by
///   piece, in children as well. A raw mremap fails with EFAULT where *dispatch* does not run; so
///   does any after `stop()`, before Linux 6.11, and one that another thread's registration parts in
///   the microseconds between the hook and the call.
/// - For the same reason a process has up to two mappings more for each that is watched, of the
///   65,530 that vm.max_map_count allows.
/// - An application that closes descriptors which are not its own ends the monitor; everything that
///   is secured counts as changed then.
/// - Before Linux 6.11 nobody says where a mapping begins: the region alone is watched, which splits
///   the mapping, and vm.max_map_count (65,530) bounds how many there can be.
/// - The child of a fork inherits the descriptor, but the kernel ends its watching (EVENT_FORK is
///   not asked for): nobody waits for anything there.
struct UserfaultMonitor: Monitor {
  var member: MonitorSet { .userfaultfd }
  var name: String { "userfaultfd" }
  var uncovered: String {
    "changes by raw system calls, io_uring and other processes, and the loader's, are found by the "
      + "audit only"
  }

  func start(for tracker: PageTracker) throws(MonitorUnavailable) -> [String] {
    let words = tracker.words
    var gaps: [String] = []
    if words.eventSource.load() == 0 {
      gaps = try open(for: tracker)
    }
    words.reportsEvents.store(1)
    tracker.forEachSecured { tracker.watchMappings(of: $0.range) }
    return gaps
  }

  func stop(for tracker: PageTracker) {
    tracker.words.reportsEvents.store(0)
    tracker.forEachSecured { tracker.unwatchMappings(of: $0.range) }
  }

  func failure(for tracker: PageTracker) -> String? {
    tracker.words.eventSource.load() == 0 ? "the application has closed its descriptor" : nil
  }

  private func open(for tracker: PageTracker) throws(MonitorUnavailable) -> [String] {
    guard tracker.openMaps() else {
      throw MonitorUnavailable(reason: "/proc/self/maps cannot be opened: errno \(errno)")
    }
    var watchesFiles = false
    let descriptor = CLinuxMemory_userfaultfd_open(&watchesFiles)
    if descriptor < 0 { throw MonitorUnavailable(reason: Self.reason(-descriptor)) }
    guard let threads = UserfaultThreads(tracker, descriptor) else {
      close(descriptor)
      throw MonitorUnavailable(reason: "no memory, or no thread, for its events")
    }
    InterceptionHook.serve(tracker)
    CSyscallInterception_join_remaps(InterceptionHook.maps)
    CSyscallInterception_yield_watched(InterceptionHook.yield)
    threads.publish()
    if watchesFiles { return [] }
    return ["private mappings of files cannot be watched before Linux 6.7"]
  }

  private static func reason(_ error: Int32) -> String {
    switch error {
    case ENOSYS: "the kernel has no userfaultfd"
    case EPERM, EACCES: "userfaultfd is not permitted"
    case EINVAL: "the kernel's userfaultfd has no events for mapping changes"
    default: "userfaultfd: errno \(error)"
    }
  }
}

extension PageTracker {
  /// Has the kernel tell of changes to every mapping that holds a page of the range.
  func watchMappings(of range: AddressRange) {
    guard words.reportsEvents.load() != 0, words.eventSource.load() != 0 else { return }
    let error = CLinuxMemory_userfaultfd_watch(
      Int32(words.eventSource.load()) - 1, Int32(words.maps.load()) - 1, UInt64(range.start),
      UInt64(range.end))
    if error != 0 { words.unwatched.count() }
  }

  func unwatchMappings(of range: AddressRange) {
    _ = CLinuxMemory_userfaultfd_unwatch(
      Int32(words.eventSource.load()) - 1, Int32(words.maps.load()) - 1, UInt64(range.start),
      UInt64(range.end))
  }

  /// Leaves a range to the userfaultfd `by`, or to the kernel. Hook context.
  func yieldMappings(of start: UInt64, _ end: UInt64, to by: Int32) {
    let source = Int32(bitPattern: words.eventSource.load()) - 1
    if source < 0 || source == by { return }
    _ = CLinuxMemory_userfaultfd_yield(source, Int32(words.maps.load()) - 1, start, end)
  }

  /// Opens this process's list of mappings, once.
  func openMaps() -> Bool {
    if words.maps.load() != 0 { return true }
    let descriptor = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return false }
    words.maps.store(UInt32(CLinuxMemory_raise_descriptor(descriptor)) + 1)
    return true
  }
}
