import CSyscallInterception
import Glibc
import VirtualMemory

/// The monitor *entries*: libc's and the dynamic loader's own memory calls, patched in place.
struct EntriesMonitor: Monitor {
  var member: MonitorSet { .entries }
  var name: String { "entries" }
  var uncovered: String { "calls of libc and of the loader are not seen before the change" }

  func start(for tracker: PageTracker) throws(MonitorUnavailable) -> [String] {
    InterceptionHook.serve(tracker)
    let seesFiles = tracker.openMaps()
    CSyscallInterception_watch_table(tracker.coverage.topTable, UInt64(PageSet.topEntries))
    var report = CSyscallInterception_report()
    let error = -CSyscallInterception_install(
      InterceptionHook.isSecured, InterceptionHook.willChange, &report)
    switch error {
    case 0, EALREADY: break
    case ENOTSUP:
      throw MonitorUnavailable(
        reason: "libc's memory calls could not be patched on this processor or libc")
    default: throw MonitorUnavailable(reason: "error \(error) while patching libc")
    }
    let files = seesFiles ? [] : ["files that are truncated: /proc/self/maps cannot be opened"]
    return files
      + (0..<report.gap_count).map { number in
        let gap = CSyscallInterception_report_gap(&report, number)
        return "\(String(cString: gap.name)): \(String(cString: gap.reason))"
      }
  }

  func stop(for tracker: PageTracker) {
    CSyscallInterception_uninstall()
  }
}

/// What intercepted calls go through. Hook context.
enum InterceptionHook {
  private struct Served {
    /// It lives as long as the process.
    let tracker: Unmanaged<PageTracker>
    /// Its set of secured pages, at hand.
    let pages: PageSet
  }

  /// Written once, before the first hook is installed.
  ///
  /// Not a variable: in debug builds the runtime checks every access to one, in thread-local storage
  /// for which it calls malloc on a thread's first. That thread may be inside malloc.
  private nonisolated(unsafe) static let served = {
    let place = UnsafeMutablePointer<Served?>.allocate(capacity: 1)
    place.initialize(to: nil)
    return place
  }()

  private static var tracker: Unmanaged<PageTracker>? { served.pointee?.tracker }

  static let isSecured: @convention(c) (UInt64, UInt64) -> Bool = { start, end in
    guard let pages = served.pointee?.pages, start < end else { return false }
    return pages.hasMember(in: AddressRange(start: UInt(start), end: UInt(end)))
  }

  static func serve(_ tracker: PageTracker) {
    served.pointee = Served(tracker: .passUnretained(tracker), pages: tracker.coverage)
  }

  static let maps: @convention(c) () -> Int32 = {
    guard let tracker else { return -1 }
    return tracker._withUnsafeGuaranteedRef { Int32(bitPattern: $0.words.maps.load()) - 1 }
  }

  static let yield: @convention(c) (Int32, UInt64, UInt64) -> Void = { by, start, end in
    guard let tracker else { return }
    tracker._withUnsafeGuaranteedRef { $0.yieldMappings(of: start, end, to: by) }
  }

  static let willChange: @convention(c) (UnsafePointer<CSyscallInterception_change>?) -> Void = {
    change in
    guard let change, let tracker else { return }
    let kind = change.pointee.kind.rawValue
    let monitor: MonitorSet = change.pointee.is_trap ? .dispatch : .entries
    if kind == MappingChangeKind.truncate.rawValue {
      tracker._withUnsafeGuaranteedRef {
        $0.willTruncate(
          inode: change.pointee.inode, first: change.pointee.start, end: change.pointee.end,
          by: monitor)
      }
      return
    }
    let range = AddressRange(start: UInt(change.pointee.start), end: UInt(change.pointee.end))
    let protection = Int32(bitPattern: change.pointee.protection)
    var remaining: MemoryAccess = []
    if kind == MappingChangeKind.mprotect.rawValue {
      if protection & PROT_READ != 0 { remaining.insert(.read) }
      if protection & PROT_WRITE != 0 { remaining.insert(.write) }
    }
    tracker._withUnsafeGuaranteedRef {
      $0.willChange(range, kind: kind, remaining: remaining, by: monitor)
    }
  }
}
