/// The unit in which mappings change and memory is pinned.
///
/// The library is built for systems with pages of 4 KiB; `PageTracker` refuses to start on others.
public enum Page {
  @inlinable public static var shift: UInt { 12 }
  /// Bytes in a page.
  @inlinable public static var size: UInt { 1 << shift }
}
