import Glibc

/// What a node is and how its content is written.
package enum NodeKind: String, Sendable {
  case directory
  case link
  /// One value and a line feed.
  case value
  /// `key value` lines.
  case keyed
  /// A first line of column names that begins with `#`, then one line a record.
  case table
  case json
  case text
  /// Lines that only grow; a reader at the end is given what came since.
  case log
  /// Takes commands, one a line; reading gives the commands there are.
  case commands

  var typeBits: UInt32 {
    switch self {
    case .directory: UInt32(S_IFDIR)
    case .link: UInt32(S_IFLNK)
    default: UInt32(S_IFREG)
    }
  }
}
