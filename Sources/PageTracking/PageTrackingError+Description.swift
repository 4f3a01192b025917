extension PageTrackingError: CustomStringConvertible {
  /// One line that says what is wrong and, where something can be done, what.
  public var description: String {
    switch self {
    case .exhausted: "there is no memory for the tables"
    case .invalidRange: "the range is not one of whole pages"
    case .unknownMonitor(let name):
      "there is no monitor `\(name)`; PINDOWN_MONITORS is a list of names with commas between, "
        + "for example: entries"
    case .monitorUnavailable(let reason): reason
    }
  }
}
