/// Which sources of mapping changes run.
public struct MonitorSet: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// libc's own wrappers, patched in place: before the change.
  public static let entries = MonitorSet(rawValue: 1)

  /// What runs where nothing else is asked for.
  public static let standard: MonitorSet = [.entries]

  /// From a list as `PINDOWN_MONITORS` has it: names with commas between them, or `none`.
  public init(parsing text: String) throws(PageTrackingError) {
    var set: MonitorSet = []
    for name in text.split(separator: ",") where name != "none" {
      switch name {
      case "entries": set.insert(.entries)
      case "default": set.formUnion(.standard)
      default: throw .unknownMonitor(String(name))
      }
    }
    self = set
  }
}
