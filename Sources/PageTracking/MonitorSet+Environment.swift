import Glibc

extension MonitorSet {
  /// What `PINDOWN_MONITORS` asks for; the standard set where it is not set, or empty.
  ///
  /// Throws `.unknownMonitor`.
  public static func ofEnvironment() throws(PageTrackingError) -> MonitorSet {
    let text = getenv("PINDOWN_MONITORS").map { String(cString: $0) } ?? ""
    return text.isEmpty ? .standard : try MonitorSet(parsing: text)
  }
}
