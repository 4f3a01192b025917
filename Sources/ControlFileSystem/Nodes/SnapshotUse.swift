/// What a copy of a process's tables is for.
enum SnapshotUse: Sendable {
  /// Content of a file: as of now.
  case content
  /// Names and attributes: a copy made a moment ago serves, if the process has changed nothing.
  case structure
}
