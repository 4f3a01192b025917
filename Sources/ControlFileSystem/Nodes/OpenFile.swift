/// A file that somebody has open.
struct OpenFile: Sendable {
  enum Content: Sendable {
    /// The bytes as they were rendered when the file was opened.
    case snapshot([UInt8])
    case log(LogPosition)
  }

  var node: Node
  var reader: Reader
  var content: Content
  /// The state of the processes that the content is from.
  var fingerprint: Int
  /// Whether somebody waits in poll() for it to change: then it is rendered anew at offset 0.
  var isPolled = false
}

/// Where a reader of the log is. Positions count the bytes that were ever appended.
struct LogPosition: Sendable {
  /// What the file's offset 0 stands for.
  var base: Int
  /// The end, as this reader sees it.
  var end: Int
  /// Whether anything was read: then a look at the size moves the end, for `tail -f`.
  var hasRead = false
  /// Whether the reader was told of the end: then reading on there moves it.
  var hasSeenEnd = false
}
