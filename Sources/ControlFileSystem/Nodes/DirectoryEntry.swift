/// One name in a folder.
package struct DirectoryEntry: Hashable, Sendable {
  package var name: String
  package var number: UInt64
  /// Type bits of the mode.
  package var type: UInt32
}
