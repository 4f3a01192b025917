/// Which sources of mapping changes run.
///
/// The raw values are those of the bits that a process publishes.
public struct MonitorSet: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// libc's own wrappers, patched in place: before the change.
  public static let entries = MonitorSet(rawValue: 1)
  /// Raw system calls trap (Syscall User Dispatch): before the change.
  public static let dispatch = MonitorSet(rawValue: 2)
  /// The kernel's own events: during or after the change.
  public static let userfaultfd = MonitorSet(rawValue: 4)
  /// What a region was pinned with, compared with what is mapped now: on a timer and on demand.
  public static let audit = MonitorSet(rawValue: 8)
  /// The same at every use of a registration.
  public static let auditAtEveryUse = MonitorSet(rawValue: 16)

  /// What runs where nothing else is asked for: nothing is missed for longer than the audit's period,
  /// and nothing is asked of the application. Unmapping from a mapping that holds, or held, secured
  /// regions costs the waking of a thread, 30 us or so.
  public static let standard: MonitorSet = [.entries, .userfaultfd, .audit]
  /// Everything: no registration can be used after the change.
  public static let strict: MonitorSet = [
    .entries, .dispatch, .userfaultfd, .audit, .auditAtEveryUse,
  ]

  /// From a list as `PINDOWN_MONITORS` has it: `entries`, `dispatch`, `userfaultfd` and `audit` with
  /// commas between them; or `default`, `strict`, `none`.
  ///
  /// Throws `.unknownMonitor` for any other name.
  public init(parsing text: String) throws(PageTrackingError) {
    var set: MonitorSet = []
    for name in text.split(separator: ",") where name != "none" {
      switch name {
      case "entries": set.insert(.entries)
      case "dispatch": set.insert(.dispatch)
      case "userfaultfd": set.insert(.userfaultfd)
      case "audit": set.insert(.audit)
      case "default": set.formUnion(.standard)
      case "strict": set.formUnion(.strict)
      default: throw .unknownMonitor(String(name))
      }
    }
    self = set
  }
}
