/// Why a process's state cannot be published or read.
public enum InspectionError: Error, Hashable, Sendable {
  /// The memfd could not be made or mapped.
  case system(errno: Int32)
  /// The process publishes nothing, or has ended.
  case notPublished
  /// The process publishes in a layout that this version does not know.
  case unknownLayout(version: UInt32)
  /// The kernel shows the process only to a more privileged reader.
  case notPermitted
  /// A table is full.
  case exhausted
}
