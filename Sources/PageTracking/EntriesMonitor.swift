import CSyscallInterception
import Glibc
import VirtualMemory

/// The monitor *entries*: libc's and the dynamic loader's own memory calls, patched in place.
enum EntriesMonitor {
  static func start() throws(PageTrackingError) {
    guard case .success(let tracker) = PageTracker.instance else { throw .exhausted }
    EntriesHook.tracker = Unmanaged.passUnretained(tracker)
    var report = CSyscallInterception_report()
    let error = -CSyscallInterception_install(
      EntriesHook.isSecured, EntriesHook.willChange, &report)
    switch error {
    case 0, EALREADY: return
    case ENOTSUP:
      throw .monitorUnavailable(
        "entries: libc's memory calls could not be patched on this processor or libc")
    default: throw .monitorUnavailable("entries: error \(error) while patching libc")
    }
  }

  static func stop() {
    CSyscallInterception_uninstall()
  }
}

/// What the patched calls go through. Hook context.
private enum EntriesHook {
  /// The tracker lives as long as the process; written once, before the first hook is installed.
  nonisolated(unsafe) static var tracker: Unmanaged<PageTracker>?

  static let isSecured: @convention(c) (UInt64, UInt64) -> Bool = { start, end in
    guard let tracker else { return false }
    return tracker._withUnsafeGuaranteedRef { $0.isSecured(UInt(start), UInt(end)) }
  }

  static let willChange: @convention(c) (UnsafePointer<CSyscallInterception_change>?) -> Void = {
    change in
    guard let change, let tracker else { return }
    let range = AddressRange(start: UInt(change.pointee.start), end: UInt(change.pointee.end))
    let kind = change.pointee.kind.rawValue
    let protection = Int32(bitPattern: change.pointee.protection)
    var remaining: MemoryAccess = []
    if kind == MappingChangeKind.mprotect.rawValue {
      if protection & PROT_READ != 0 { remaining.insert(.read) }
      if protection & PROT_WRITE != 0 { remaining.insert(.write) }
    }
    tracker._withUnsafeGuaranteedRef {
      $0.willChange(range, kind: kind, remaining: remaining)
    }
  }
}
